/*
 * store_transaction.h - several commands that take effect together or not at all.
 * For app/store alone.
 */
#ifndef STORE_TRANSACTION_H
#define STORE_TRANSACTION_H

#include "store/store_audit.h"
#include "store_private.h"

/* What became of one command, or of a whole try. */
enum step {
    STEP_DONE,
    STEP_FAILED, /* *err says why */
    STEP_AGAIN,  /* another writer was in the way: the whole try again */
    STEP_OTHER,  /* no failure, but not by this way; what was written is undone */
};

/* A transaction under way. */
struct transaction {
    struct store *store;
    mongoc_client_session_t *session;
    bson_t opts; /* {sessionId} */
};

/*
 * The inside of a transaction. It begins by writing the document that others may be writing too,
 * so that they meet there. Called anew at each try. STEP_DONE: commit; all else undoes.
 */
typedef enum step transaction_body(struct transaction *transaction, void *context,
                                   struct api_error *err);

/* One command of the inside. reply: as store_command has it. Never STEP_OTHER. */
enum step transaction_run(struct transaction *transaction, const char *doing, const bson_t *command,
                          bson_t *reply, struct api_error *err);

/* An insert whose key may be taken. STEP_OTHER: it is, which ends the transaction. */
enum step transaction_insert_new(struct transaction *transaction, const char *doing,
                                 const bson_t *command, struct api_error *err);

/* The entry that goes with the change. */
enum step transaction_audit(struct transaction *transaction, const struct store_audit_entry *entry,
                            struct api_error *err);

/* One try, for one run (the bytes of its ObjectId), whose lane the caller holds or could not have.
 */
enum step store_transact_once(struct store *store, const void *run, transaction_body *body,
                              void *context, struct api_error *err);

/*
 * Enter the run's lane and try, for as long as a request may wait. STEP_DONE, STEP_OTHER, or
 * STEP_FAILED, which may be STORE_BUSY.
 */
enum step store_transact(struct store *store, const void *run, transaction_body *body,
                         void *context, struct api_error *err);

/* A little longer before each further try, and not the same for two writers that met. */
void store_pause_before(int try);

#endif
