/*
 * live_credential.c - what clients show of themselves, and what the database says of it. A thousand
 * clients with one key are one question. Called by live_client.c, live_hub.c. Next: live_access.c.
 */
#include "live_hub.h"

#include <stdlib.h>
#include <string.h>

static bool
is_same(const struct live_claim *a, const struct live_claim *b)
{
    return a->kind == b->kind && a->local == b->local && strcmp(a->secret, b->secret) == 0;
}

/* Nobody needs to be asked about a client without a key, nor about what can be none. */
static void
decide(const struct live_hub *hub, struct live_credential *credential)
{
    const struct live_claim *claim = &credential->claim;

    credential->known = true;
    credential->error = claim->kind == LIVE_CLAIM_WRONG ? API_KEY_WRONG : API_KEY_MISSING;
    if (claim->kind != LIVE_CLAIM_NONE || !claim->local || hub->limits.anonymous[0] == '\0')
        return;
    credential->error = API_OK;
    credential->scopes = STORE_SCOPE_READ;
    memcpy(credential->account, hub->limits.anonymous,
           strnlen(hub->limits.anonymous, sizeof credential->account - 1));
}

static void
ask(struct live_hub *hub, struct live_credential *credential)
{
    struct live_ask *question;

    if (credential->asked) {
        credential->ask_again = true;
        return;
    }
    question = calloc(1, sizeof *question);
    if (question == NULL)
        return; /* the next check asks */
    question->kind = credential->claim.kind == LIVE_CLAIM_KEY ? LIVE_ASK_KEY : LIVE_ASK_SESSION;
    memcpy(question->secret, credential->claim.secret, sizeof question->secret);
    question->about = credential;
    credential->uses++;
    credential->asked = true;
    live_access_ask(hub->access, question);
}

struct live_credential *
live_credential_use(struct live_hub *hub, const struct live_claim *claim)
{
    struct live_credential *credential = hub->credentials;

    while (credential != NULL && !is_same(&credential->claim, claim))
        credential = credential->next;
    if (credential != NULL) {
        credential->uses++;
        return credential;
    }
    credential = calloc(1, sizeof *credential);
    if (credential == NULL)
        return NULL;
    credential->claim = *claim;
    credential->uses = 1;
    credential->next = hub->credentials;
    hub->credentials = credential;
    if (claim->kind == LIVE_CLAIM_KEY || claim->kind == LIVE_CLAIM_SESSION)
        ask(hub, credential);
    else
        decide(hub, credential);
    return credential;
}

void
live_credential_drop(struct live_hub *hub, struct live_credential *credential)
{
    struct live_credential **at = &hub->credentials;

    if (credential == NULL || --credential->uses > 0)
        return;
    while (*at != credential)
        at = &(*at)->next;
    *at = credential->next;
    explicit_bzero(&credential->claim, sizeof credential->claim);
    free(credential);
}

void
live_credentials_check(struct live_hub *hub)
{
    for (struct live_credential *credential = hub->credentials; credential != NULL;
         credential = credential->next)
        if (credential->claim.kind == LIVE_CLAIM_KEY ||
            credential->claim.kind == LIVE_CLAIM_SESSION)
            ask(hub, credential);
}

struct live_credential *
live_credential_hear(struct live_hub *hub, const struct live_ask *answer)
{
    struct live_credential *credential = answer->about;
    const bool says_nothing = answer->error == API_STORE_UNAVAILABLE && credential->known;

    credential->asked = false;
    if (!says_nothing) { /* a database that is away revokes no key */
        credential->known = true;
        credential->error = answer->error;
        credential->scopes = answer->scopes;
        memcpy(credential->account, answer->account, sizeof credential->account);
    }
    if (credential->ask_again) {
        credential->ask_again = false;
        ask(hub, credential);
    }
    return credential;
}
