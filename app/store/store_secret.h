/*
 * store_secret.h - keys and session tokens alike: random texts that are stored as hashes only, and
 * what is known of them for at most 2 s without asking the database; for app/store alone.
 */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "store_private.h"

#define STORE_SECRET_HASH_SIZE 32 /* BLAKE2b-256, unkeyed: the texts are random enough */

/* A new random text that begins with these three characters, such as "ak_". */
void store_secret_make(const char *three, char text[STORE_KEY_TEXT_SIZE]);

/* Might store_secret_make have made it? Only what might costs a query. */
bool store_secret_is_shaped(const char *three, const char *text);

void store_secret_hash(const char *text, unsigned char hash[STORE_SECRET_HASH_SIZE]);

/* Ask the database which key stands behind a hash. *found false is an answer, not an error. */
typedef bool store_secret_load(struct store *store, const unsigned char *hash,
                               struct store_key *key, bool *found, struct api_error *err);

/* The same through the cache: what `load` found for this text at most 2 s ago, or finds now. */
bool store_secret_find(struct store *store, const char *text, store_secret_load *load,
                       struct store_key *key, bool *found, struct api_error *err);

/* The key that matches filter, if it is in force. */
bool store_key_load(struct store *store, const bson_t *filter, struct store_key *key, bool *found,
                    struct api_error *err);

#endif
