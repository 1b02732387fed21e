/* words.c - splits a command. Called by supervisor_settings.c, training.c. */
#include "words.h"

#include <string.h>

/* Copy one word from *from to *to, both moving on. False: a quote is not closed. */
static bool
copy_word(const char **from, char **to)
{
    bool quoted = false;

    for (; **from != '\0' && (quoted || strchr(" \t", **from) == NULL); (*from)++) {
        if (**from == '\'')
            quoted = !quoted;
        else
            *(*to)++ = **from;
    }
    *(*to)++ = '\0';
    return !quoted;
}

bool
words_split(const char *text, struct words *words)
{
    char *to = words->text;

    words->count = 0;
    for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
        if (words->count == WORDS_MAX)
            return false;
        words->items[words->count++] = to;
        if (!copy_word(&text, &to))
            return false;
    }
    return words->count > 0 && words->items[0][0] != '\0';
}
