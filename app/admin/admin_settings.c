/* admin_settings.c - the settings of training-admin. Called by main.c. Next: base/settings.c. */
#include "admin.h"

#include "base/auto.h"

/* clang-format off */
const struct setting admin_setting_rows[] = {
    SETTING_SECRET("MONGODB_URI", struct admin_settings, uri, 1, SETTING_TEXT_MAX - 1,
                   "mongodb://127.0.0.1:27017/?directConnection=true",
                   "The database, as a connection string"),
    SETTING_TEXT("MONGODB_DB_NAME", struct admin_settings, database, 1, 63,
                 "training", "The name of the database"),
    SETTING_TEXT("TRAINING_SCHEMA", struct admin_settings, schema, 0, SETTING_TEXT_MAX - 1,
                 "", "The folder of the schema files; empty: schema/mongo here, else the installed one"),
    SETTING_WHOLE("TRAINING_DB_CONNECT_MS", struct admin_settings, connect_ms, 50, 10000,
                  "500", "ms", "How long a connection to the database may take"),
};
/* clang-format on */

const size_t admin_setting_count = COUNT_OF(admin_setting_rows);
