/* ident.h - the names that things go by: UUIDs and run ids. */
#ifndef BASE_IDENT_H
#define BASE_IDENT_H

#include <stdbool.h>
#include <stddef.h>

#define IDENT_UUID_SIZE 37 /* 36 characters and a NUL */

/* Is this a UUID (8-4-4-4-12 hexadecimal digits, any case)? */
bool ident_is_uuid(const char *text);

/* A new random UUID (RFC 9562 version 4) in lower case. */
void ident_new_uuid(char text[IDENT_UUID_SIZE]);

/* 1 to max characters of A-Z a-z 0-9 and those in also. */
bool ident_is_word(const char *text, size_t max, const char *also);

/* ASCII letters to lower case, in place. */
void ident_lower(char *text);

#endif
