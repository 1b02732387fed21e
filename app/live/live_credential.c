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

static bool
is_anonymous(const struct live_hub *hub, const struct live_claim *claim)
{
    return claim->kind == LIVE_CLAIM_NONE && claim->local && hub->limits.anonymous[0] != '\0';
}

/* Can it be judged without a question? */
static bool
is_refused(const struct live_hub *hub, const struct live_claim *claim)
{
    return claim->kind == LIVE_CLAIM_WRONG ||
           (claim->kind == LIVE_CLAIM_NONE && !is_anonymous(hub, claim));
}

static void
refuse(struct live_credential *credential)
{
    credential->known = true;
    credential->error =
        credential->claim.kind == LIVE_CLAIM_WRONG ? API_KEY_WRONG : API_KEY_MISSING;
}

/* What is to be found out about a claim that is not refused. */
static void
word(const struct live_hub *hub, const struct live_claim *claim, struct live_ask *question)
{
    memcpy(question->secret, claim->secret, sizeof question->secret);
    question->kind = claim->kind == LIVE_CLAIM_KEY ? LIVE_ASK_KEY : LIVE_ASK_SESSION;
    if (!is_anonymous(hub, claim))
        return;
    question->kind = LIVE_ASK_NOBODY;
    question->scopes = STORE_SCOPE_READ;
    memcpy(question->account, hub->limits.anonymous,
           strnlen(hub->limits.anonymous, sizeof question->account - 1));
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
    word(hub, &credential->claim, question);
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
    if (is_refused(hub, claim))
        refuse(credential);
    else
        ask(hub, credential);
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
        if (!is_refused(hub, &credential->claim))
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
