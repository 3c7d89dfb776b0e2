"""The application class: FastAPI without the layers that nothing here makes use of."""

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp


class Application(FastAPI):
    """FastAPI whose requests pass only through layers that do something.

    Its own stack has four more, each of which costs every request: a last catch and a limit of bodies (`Edge` has
    both), the closing of dependencies and of uploaded files (`ApiRoute` has neither), and telemetry of exceptions that
    never come so far.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """The added middleware, the first one outermost, around the handlers of exceptions and the router."""
        stack: ASGIApp = ExceptionMiddleware(self.router, handlers=self.exception_handlers)
        for layer, arguments, options in reversed(self.user_middleware):
            stack = layer(stack, *arguments, **options)
        return stack
