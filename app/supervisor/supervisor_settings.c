/*
 * supervisor_settings.c - the settings of training-supervisor. Called by main.c.
 * Next: base/settings.c.
 */
#include "supervisor_settings.h"

#include "words.h"

#include "base/auto.h"

#include <stdio.h>

#define ROW struct supervisor_settings
#define TEXT_MAX (SETTING_TEXT_MAX - 1)

/* clang-format off */
const struct setting supervisor_setting_rows[] = {
    SETTING_SECRET("MONGODB_URI", ROW, uri, 1, TEXT_MAX,
                   "mongodb://127.0.0.1:27017/?directConnection=true",
                   "The database, as a connection string"),
    SETTING_TEXT("MONGODB_DB_NAME", ROW, database, 1, 63, "training",
                 "The name of the database"),
    SETTING_WHOLE("TRAINING_DB_CONNECT_MS", ROW, connect_ms, 50, 10000, "500", "ms",
                  "How long a connection to the database may take"),
    SETTING_WHOLE("TRAINING_DB_SOCKET_MS", ROW, socket_ms, 100, 600000, "1400", "ms",
                  "How long a single operation of the database may hang"),
    SETTING_TEXT("TRAINING_URL", ROW, url, 1, TEXT_MAX, "http://127.0.0.1:8000",
                 "Where the trainer logs its runs"),
    SETTING_TEXT("TRAINING_TRAINER", ROW, trainer, 1, TEXT_MAX,
                 "/usr/bin/python3 /usr/share/training/trainer/hrl/train.py",
                 "The trainer's command; words with blanks in single quotes; no shell reads it"),
    SETTING_TEXT("TRAINING_SCENARIOS", ROW, scenarios, 1, TEXT_MAX,
                 "/usr/share/training/trainer/scenarios",
                 "The folder of the scenarios, NAME.yaml each"),
    SETTING_TEXT("TRAINING_MODELS", ROW, models, 1, TEXT_MAX, "/var/lib/training/models",
                 "The folder that the trainer saves to"),
    SETTING_TEXT("TRAINING_SUPERVISOR_FOLDER", ROW, folder, 1, TEXT_MAX, "/var/lib/training",
                 "The supervisor's own folder: its lock and its name; one supervisor a folder"),
    SETTING_TEXT("TRAINING_TRAINER_LOG", ROW, log, 1, TEXT_MAX, "/var/lib/training/trainer.log",
                 "The file that keeps what the trainer prints"),
    SETTING_WHOLE("TRAINING_TRAINER_LOG_MAX", ROW, log_max, 4096, 1073741824, "16777216", "bytes",
                  "A larger one is put aside as FILE.1, in place of the one before"),
    SETTING_WHOLE("TRAINING_SUPERVISOR_POLL_MS", ROW, poll_ms, 20, 5000, "150", "ms",
                  "How often it looks for a job, or for a request to stop its own"),
    SETTING_WHOLE("TRAINING_SUPERVISOR_LEASE_MS", ROW, lease_ms, 1000, 600000, "15000", "ms",
                  "A supervisor not heard of for so long is taken for lost, and its job fails"),
    SETTING_WHOLE("TRAINING_TRAINER_START_MS", ROW, start_ms, 100, 3600000, "120000", "ms",
                  "How long a trainer may take until it has opened its run"),
    SETTING_WHOLE("TRAINING_TRAINER_ASK_MS", ROW, ask_ms, 0, 600000, "12000", "ms",
                  "How long a trainer that is asked to stop may take to save, before SIGTERM"),
    SETTING_WHOLE("TRAINING_TRAINER_TERM_MS", ROW, term_ms, 0, 600000, "6000", "ms",
                  "How long it may take after SIGTERM, before SIGKILL"),
};
/* clang-format on */

const size_t supervisor_setting_count = COUNT_OF(supervisor_setting_rows);

bool
supervisor_settings_read(const char *file, struct supervisor_settings *settings, char *fault,
                         size_t fault_size)
{
    struct words words;

    if (!settings_read(supervisor_setting_rows, supervisor_setting_count, file, settings, fault,
                       fault_size))
        return false;
    if (words_split(settings->trainer, &words))
        return true;
    snprintf(fault, fault_size,
             "TRAINING_TRAINER must be 1 to %d words, each quote of them closed.", WORDS_MAX);
    return false;
}

struct store_settings
supervisor_settings_store(const struct supervisor_settings *settings)
{
    return (struct store_settings){
        .uri = settings->uri,
        .database = settings->database,
        .connect_timeout_ms = settings->connect_ms,
        .socket_timeout_ms = settings->socket_ms,
    };
}
