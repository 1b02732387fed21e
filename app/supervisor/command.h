/* command.h - the trainer's command line and environment for one job. */
#ifndef SUPERVISOR_COMMAND_H
#define SUPERVISOR_COMMAND_H

#include "supervisor_settings.h"
#include "words.h"

#include "training/job.h"

#define COMMAND_WORDS_MAX (WORDS_MAX + 16)

struct command {
    struct words words; /* of the settings */
    char numbers[4][24];
    char *argv[COMMAND_WORDS_MAX + 1]; /* into words, numbers, the job and the settings */
    char **environment;                /* owned */
};

/*
 * TRAINER… --scenario NAME --episodes N --save-interval N --eval-episodes N [--seed N] --run-id ID
 * --models DIR. The environment is ours without what is ours alone (the database's address), and
 * with TRAINING_URL, TRAINING_API_KEY (key; "": none) and TRAINING_SCENARIOS. Borrows all three;
 * command_clear frees. False when memory ran out.
 */
bool command_make(const struct supervisor_settings *settings, const struct job *job,
                  const char *key, struct command *command);

/* Wipes the key, too. */
void command_clear(struct command *command);

#endif
