/* command.c - how the trainer is called. Called by training.c. Next: child.c. */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the command line ---- */

static void
add_word(struct command *command, size_t *count, const char *word)
{
    if (*count < COMMAND_WORDS_MAX)
        command->argv[(*count)++] = (char *)(uintptr_t)word; /* exec(3) changes none of them */
    command->argv[*count] = NULL;
}

static void
add_option(struct command *command, size_t *count, const char *option, const char *value)
{
    add_word(command, count, option);
    add_word(command, count, value);
}

static void
make_line(const struct supervisor_settings *settings, const struct job *job,
          struct command *command)
{
    const struct {
        const char *option;
        int64_t value;
    } numbers[] = {
        {"--episodes", job->num_episodes},
        {"--save-interval", job->save_interval},
        {"--eval-episodes", job->eval_episodes},
        {"--seed", job->seed},
    };
    size_t count = 0;

    for (size_t i = 0; i < command->words.count; i++)
        add_word(command, &count, command->words.items[i]);
    add_option(command, &count, "--scenario", job->scenario);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].value == JOB_NO_SEED)
            continue;
        snprintf(command->numbers[i], sizeof command->numbers[i], "%" PRId64, numbers[i].value);
        add_option(command, &count, numbers[i].option, command->numbers[i]);
    }
    add_option(command, &count, "--run-id", job->run_id);
    add_option(command, &count, "--models", settings->models);
}

/* ---- the environment ---- */

/* May the trainer see this? It needs no password of the database, and no settings of ours. */
static bool
is_for_trainer(const char *variable)
{
    return strncmp(variable, "MONGODB_", 8) != 0 && strncmp(variable, "TRAINING_", 9) != 0 &&
           strncmp(variable, "LISTEN_", 7) != 0 && strncmp(variable, "NOTIFY_SOCKET=", 14) != 0;
}

static bool
add_variable(char **environment, size_t *count, const char *name, const char *value)
{
    char *variable = NULL;

    if (asprintf(&variable, "%s=%s", name, value) == -1)
        return false;
    environment[(*count)++] = variable;
    return true;
}

static bool
fill_environment(const struct supervisor_settings *settings, const char *key, char **environment)
{
    size_t count = 0;

    for (char **variable = environ; *variable != NULL; variable++) {
        if (!is_for_trainer(*variable))
            continue;
        environment[count] = strdup(*variable);
        if (environment[count++] == NULL)
            return false;
    }
    return add_variable(environment, &count, "TRAINING_URL", settings->url) &&
           (key[0] == '\0' || add_variable(environment, &count, "TRAINING_API_KEY", key)) &&
           add_variable(environment, &count, "TRAINING_SCENARIOS", settings->scenarios) &&
           add_variable(environment, &count, "PYTHONUNBUFFERED", "1");
}

bool
command_make(const struct supervisor_settings *settings, const struct job *job, const char *key,
             struct command *command)
{
    size_t count = 0;

    while (environ[count] != NULL)
        count++;
    *command = (struct command){.environment = calloc(count + 5, sizeof(char *))};
    if (command->environment == NULL || !words_split(settings->trainer, &command->words) ||
        !fill_environment(settings, key, command->environment)) {
        command_clear(command);
        return false;
    }
    make_line(settings, job, command);
    return true;
}

void
command_clear(struct command *command)
{
    for (char **variable = command->environment; variable != NULL && *variable != NULL;
         variable++) {
        explicit_bzero(*variable, strlen(*variable));
        free(*variable);
    }
    free(command->environment);
    command->environment = NULL;
}
