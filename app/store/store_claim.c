/*
 * store_claim.c - sees to it that no transaction of ours stays open. MongoDB does not end one when
 * its connection closes, only after transactionLifetimeLimitSeconds (60): until then it locks its
 * run's header, and nobody can report an episode.
 * Called by store_merge.c, store.c, store_lane.c. Next: MongoDB.
 */
#include "store_claim.h"

#include "base/auto.h"
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum claim_state { CLAIM_NONE, CLAIM_OPEN, CLAIM_IN_DOUBT };

#define STATE_BITS 3U
#define ONE_MORE 4U /* the count tells a note from the next one in the same place */
#define FENCE_MS 200

static enum claim_state
state_of(uint32_t word)
{
    return (enum claim_state)(word & STATE_BITS);
}

static void
set_state(struct store_claim *claim, enum claim_state state)
{
    claim->word = ((claim->word & ~STATE_BITS) + ONE_MORE) | state;
}

bool
store_claims_init(struct store_claims *claims, const pthread_mutexattr_t *robust)
{
    for (size_t i = 0; i < STORE_CLAIM_COUNT; i++)
        if (pthread_mutex_init(&claims->items[i].owner, robust) != 0)
            return false;
    return true;
}

static bool
kill_session(struct store *store, const struct store_claim *claim, bson_error_t *cause)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_t sessions, session;

    BSON_APPEND_ARRAY_BEGIN(&command, "killSessions", &sessions);
    BSON_APPEND_DOCUMENT_BEGIN(&sessions, "0", &session);
    BSON_APPEND_BINARY(&session, "id", BSON_SUBTYPE_UUID, claim->session, STORE_SESSION_SIZE);
    bson_append_document_end(&sessions, &session);
    bson_append_array_end(&command, &sessions);
    return store_command(store, &command, NULL, NULL, cause);
}

/*
 * A transaction's first command may still be on its way, in the buffers of a server that hung, and
 * arrive after its session was killed. It asks for the header's `fence` (or, of a PATCH, `edits`)
 * as it was: with another one it finds nothing and locks nothing. This update waits for a
 * transaction that got in before it.
 */
static bool
raise_fence(struct store *store, const struct store_claim *claim, bson_error_t *cause)
{
    AUTO_BSON command = BSON_INITIALIZER;
    bson_oid_t run;

    bson_oid_init_from_data(&run, claim->run);
    BCON_APPEND(&command, "update", BCON_UTF8(store_collection_names[STORE_RUNS]), "updates", "[",
                "{", "q", "{", "_id", BCON_OID(&run), "}", "u", "{", "$inc", "{", "fence",
                BCON_INT64(1), "edits", BCON_INT32(1), "}", "}", "}", "]", "maxTimeMS",
                BCON_INT32(FENCE_MS));
    return store_command(store, &command, NULL, NULL, cause);
}

/*
 * Every session is killed before the first fence is raised: two transactions may be after one
 * header.
 */
enum settle_step { SETTLE_KILL, SETTLE_FENCE, SETTLE_STEPS };

static bool
take_step(struct store *store, const struct store_claim *claim, enum settle_step step)
{
    struct api_error ignored = {.id =
                                    API_OK}; /* the request at hand fails by itself, or does not */
    bson_error_t cause;

    if (!(step == SETTLE_KILL ? kill_session : raise_fence)(store, claim, &cause))
        return store_fail(store, &ignored, "end_transaction", &cause, NULL);
    if (step == SETTLE_FENCE)
        log_event(LOG_INFO, "orphan_transaction_ended");
    return true;
}

/* Of what the note speaks of; at last clear it, unless it is another one meanwhile. */
static bool
settle(struct store *store, struct store_claim *claim, enum settle_step step)
{
    uint32_t word = claim->word;
    struct store_claim copy;

    if (state_of(word) == CLAIM_NONE)
        return true;
    memcpy(copy.session, claim->session, sizeof copy.session);
    memcpy(copy.run, claim->run, sizeof copy.run);
    if (!take_step(store, &copy, step))
        return false;
    if (step == SETTLE_FENCE)
        atomic_compare_exchange_strong(&claim->word, &word, (word & ~STATE_BITS) + ONE_MORE);
    return true;
}

/* Another worker's: its transaction is its own business while it lives and has no doubt. */
static bool
settle_other(struct store *store, struct store_claim *claim, enum settle_step step)
{
    int rc;
    bool good;

    if (state_of(claim->word) == CLAIM_NONE)
        return true;
    rc = pthread_mutex_trylock(&claim->owner);
    if (rc == EOWNERDEAD)
        rc = pthread_mutex_consistent(&claim->owner);
    if (rc != 0)
        return state_of(claim->word) != CLAIM_IN_DOUBT || settle(store, claim, step);
    good = settle(store, claim, step);
    pthread_mutex_unlock(&claim->owner);
    return good;
}

/* One step for all notes. What fails does not keep the others from theirs. */
static bool
settle_all(struct store *store, struct store_claims *claims, enum settle_step step)
{
    bool good = true;

    for (size_t i = 0; i < STORE_CLAIM_COUNT && !store->lost; i++) {
        struct store_claim *claim = &claims->items[i];

        good = (claim == store->claim ? settle(store, claim, step)
                                      : settle_other(store, claim, step)) &&
               good;
    }
    return good && !store->lost;
}

void
store_claims_settle(struct store *store)
{
    struct store_claims *claims = store_lanes_claims(store->lanes);
    bool good = true;

    if (claims == NULL || store->settling || !claims->in_doubt)
        return;
    store->settling = true; /* its own commands come here again */
    claims->in_doubt = false;
    for (enum settle_step step = SETTLE_KILL; good && step < SETTLE_STEPS; step++)
        good = settle_all(store, claims, step);
    if (!good)
        claims->in_doubt = true;
    store->settling = false;
}

/* A place of its own for this worker, at its first transaction. NULL: all are taken. */
static struct store_claim *
own_claim(struct store *store, struct store_claims *claims)
{
    for (size_t i = 0; store->claim == NULL && i < STORE_CLAIM_COUNT; i++) {
        struct store_claim *claim = &claims->items[i];
        int rc = pthread_mutex_trylock(&claim->owner);

        if (rc == EOWNERDEAD)
            rc = pthread_mutex_consistent(&claim->owner);
        if (rc == 0 && state_of(claim->word) == CLAIM_NONE)
            store->claim = claim;
        else if (rc == 0)
            pthread_mutex_unlock(&claim->owner); /* left by a worker that died: for settle */
    }
    return store->claim;
}

bool
store_claim_open(struct store *store, const bson_t *lsid, const void *run, struct api_error *err)
{
    struct store_claims *claims = store_lanes_claims(store->lanes);
    struct store_claim *claim;
    bson_subtype_t subtype;
    const uint8_t *bytes;
    bson_iter_t id;
    uint32_t size;

    if (claims == NULL)
        return true;
    claim = own_claim(store, claims);
    if (claim == NULL || state_of(claim->word) != CLAIM_NONE)
        return api_fail(err, API_STORE_UNAVAILABLE, NULL);
    if (!bson_iter_init_find(&id, lsid, "id") || !BSON_ITER_HOLDS_BINARY(&id))
        return api_fail(err, API_INTERNAL, NULL);
    bson_iter_binary(&id, &subtype, &size, &bytes);
    if (size != STORE_SESSION_SIZE)
        return api_fail(err, API_INTERNAL, NULL);
    memcpy(claim->session, bytes, STORE_SESSION_SIZE);
    memcpy(claim->run, run, STORE_LANE_KEY_SIZE);
    set_state(claim, CLAIM_OPEN);
    return true;
}

void
store_claim_close(struct store *store)
{
    if (store->claim != NULL)
        set_state(store->claim, CLAIM_NONE);
}

void
store_claim_doubt(struct store *store)
{
    if (store->claim == NULL)
        return;
    set_state(store->claim, CLAIM_IN_DOUBT);
    store_lanes_claims(store->lanes)->in_doubt = true;
}

void
store_recover(struct store *store)
{
    struct store_claims *claims = store_lanes_claims(store->lanes);

    if (claims == NULL)
        return;
    claims->in_doubt = true;
    store_claims_settle(store);
}
