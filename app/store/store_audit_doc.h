/* store_audit_doc.h - an entry of the audit as a command's part; for app/store alone. */
#ifndef STORE_AUDIT_DOC_H
#define STORE_AUDIT_DOC_H

#include "base/auto.h"
#include "store/store_audit.h"

/* The insert command of one entry; whoever runs it appends a write concern or a session. */
void audit_doc_append_insert(bson_t *command, const struct store_audit_entry *entry);

#endif
