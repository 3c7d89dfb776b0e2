"""Who may what: one line for every operation of the OpenAPI document, and for each state where it matters.

A line is `operation [state]: anonymous, owner, other city, network, operator` with the status that each gets. The owner
is Montréal, the other city Freetown, the network MMC, which brought in nothing (what a network brings in goes through
`/v1/sources`). A new operation without a line fails `test_authorization.py`; a state is made by the function of its
name there.
"""

CALLERS = ("anonymous", "owner", "other", "network", "operator")
MATRIX = """
list_practices:                          200 200 200 200 200
count_practices:                         200 200 200 200 200
download_practices:                      200 200 200 200 200
create_practice:                         401 201 403 403 201
get_practice [published]:                200 200 200 200 200
get_practice [members]:                  404 200 200 200 200
get_practice [draft]:                    404 200 404 404 200
get_practice [archived]:                 404 200 404 404 200
get_practice [withdrawn]:                410 410 410 410 410
update_practice [published]:             401 200 403 403 200
update_practice [members]:               401 200 403 403 200
update_practice [draft]:                 401 200 404 404 200
update_practice [archived]:              401 200 404 404 200
delete_practice [published]:             401 204 403 403 204
delete_practice [draft]:                 401 204 404 404 204
list_similar_practices [published]:      200 200 200 200 200
list_similar_practices [members]:        404 200 200 200 200
list_similar_practices [draft]:          404 200 404 404 200
list_practice_versions [published]:      200 200 200 200 200
list_practice_versions [members]:        404 200 200 200 200
list_practice_versions [draft]:          404 200 404 404 200
list_practice_versions [withdrawn]:      410 410 410 410 410
get_practice_version [published]:        200 200 200 200 200
get_practice_version [members]:          404 200 200 200 200
get_practice_version [draft]:            404 404 404 404 404
list_practice_transitions [published]:   200 200 200 200 200
list_practice_transitions [members]:     404 200 200 200 200
list_practice_transitions [draft]:       404 200 404 404 200
move_practice [published]:               401 200 403 403 200
move_practice [members]:                 401 200 403 403 200
move_practice [draft]:                   401 200 404 404 200
list_exchange_requests:                  200 200 200 200 200
create_exchange_request:                 401 201 403 403 201
get_exchange_request [open]:             200 200 200 200 200
get_exchange_request [for_members]:      404 200 200 200 200
get_exchange_request [addressed]:        404 200 404 404 200
update_exchange_request [open]:          401 200 403 403 200
update_exchange_request [for_members]:   401 200 403 403 200
update_exchange_request [addressed]:     401 200 404 404 200
list_exchange_request_transitions [open]:        200 200 200 200 200
list_exchange_request_transitions [for_members]: 404 200 200 200 200
list_exchange_request_transitions [addressed]:   404 200 404 404 200
move_exchange_request [open]:            401 200 403 403 200
move_exchange_request [for_members]:     401 200 403 403 200
move_exchange_request [addressed]:       401 200 404 404 200
verify_practice [published]:             401 200 403 403 200
verify_practice [draft]:                 401 409 404 404 409
list_endorsements [published]:           200 200 200 200 200
list_endorsements [members]:             404 200 200 200 200
list_endorsements [draft]:               404 200 404 404 200
endorse_practice [published]:            401 403 201 201 403
endorse_practice [draft]:                401 409 404 404 409
get_translation [translated]:            200 200 200 200 200
put_translation [translated]:            401 200 403 403 200
put_translation [draft]:                 401 201 404 404 201
delete_translation [translated]:         401 204 403 403 204
claim_practice [brought]:                401 200 403 403 200
claim_practice [draft]:                  401 200 404 404 200
bring_practices:                         401 403 403 415 415
get_source_practice [brought]:           401 403 403 200 200
put_source_practice [brought]:           401 403 403 200 200
delete_source_practice [brought]:        401 403 403 204 204
list_adoptions:                          200 200 200 200 200
list_practice_adoptions [published]:     200 200 200 200 200
list_practice_adoptions [members]:       404 200 200 200 200
list_practice_adoptions [draft]:         404 200 404 404 200
get_lineage [published]:                 200 200 200 200 200
get_lineage [members]:                   404 200 200 200 200
get_lineage [draft]:                     404 200 404 404 200
create_adoption [published]:             401 403 201 403 403
create_adoption [members]:               401 403 201 403 403
create_adoption [draft]:                 401 403 404 404 403
get_adoption [adopted]:                  200 200 200 200 200
update_adoption [adopted]:               401 403 200 403 200
confirm_adoption [adopted]:              401 200 403 403 200
list_matches [open]:                     200 200 200 200 200
list_matches [for_members]:              404 200 200 200 200
list_matches [addressed]:                404 200 404 404 200
list_responses [open]:                   401 200 200 200 200
list_responses [addressed]:              401 200 404 404 200
create_response [open]:                  401 403 201 403 422
create_response [addressed]:             401 403 404 404 422
get_response [answered]:                 401 200 200 404 200
move_response [answered]:                401 200 409 404 200
list_response_transitions [answered]:    401 200 200 404 200
list_messages [answered]:                401 200 404 404 404
list_messages [matched]:                 401 200 200 404 404
create_message [answered]:               401 409 404 404 404
create_message [matched]:                401 201 201 404 404
list_cities:                             200 200 200 200 200
create_city:                             401 403 403 201 201
get_city:                                200 200 200 200 200
update_city:                             401 200 403 403 200
list_networks:                           200 200 200 200 200
create_network:                          401 403 403 403 201
get_network:                             200 200 200 200 200
update_network:                          401 403 403 200 200
list_network_cities:                     200 200 200 200 200
get_network_city:                        200 200 200 200 200
put_network_city:                        401 403 403 200 200
delete_network_city:                     401 403 403 204 204
list_tags:                               200 200 200 200 200
create_tag:                              401 403 403 201 201
get_tag:                                 200 200 200 200 200
get_stats:                               200 200 200 200 200
get_report:                              200 200 200 200 200
download_report:                         200 200 200 200 200
list_changes:                            200 200 200 200 200
export_everything:                       200 200 200 200 200
get_me:                                  401 200 200 200 200
list_clients:                            401 200 200 200 200
create_client:                           401 201 403 403 201
get_client:                              401 200 404 404 200
update_client:                           401 200 404 404 200
revoke_client:                           401 204 404 404 204
rotate_client_secret:                    401 200 404 404 200
list_webhooks:                           401 200 200 200 200
create_webhook:                          401 201 201 201 201
get_webhook [hooked]:                    401 200 404 404 404
update_webhook [hooked]:                 401 200 404 404 404
delete_webhook [hooked]:                 401 204 404 404 404
rotate_webhook_secret [hooked]:          401 200 404 404 404
test_webhook [hooked]:                   401 202 404 404 404
list_deliveries [hooked]:                401 200 404 404 404
redeliver [hooked]:                      401 202 404 404 404
list_audit:                              401 200 200 200 200
get_authorization_server:                200 200 200 200 200
get_protected_resource:                  200 200 200 200 200
get_jwks:                                200 200 200 200 200
"""
# The token endpoints know clients, not tokens; tests/resources/tokens has their cases.
BY_CLIENT_SECRET = {"create_token", "revoke_token", "introspect_token"}


def rows() -> list[tuple[str, str, tuple[int, ...]]]:
    """The lines: operation, state (empty where there is but one), the statuses in the order of `CALLERS`."""
    read = []
    for line in MATRIX.strip().splitlines():
        operation, _, statuses = line.partition(":")
        name, _, state = operation.partition(" ")
        read.append((name, state.strip("[]"), tuple(map(int, statuses.split()))))
    return read
