"""The same endpoints as a good developer would write them first: an async session, selectinload, response_model.

It works on the project's own tables and takes and gives the project's wire shapes, so that both read the same rows,
check the same input and answer with the same members. It has no rate limits, request ids, signed cursors, entity tags
of lists, access log, metrics or idempotency keys: it does less.
"""
