/* words.h - a command as words: "/usr/bin/python3 '/opt/my trainer/train.py'". No shell. */
#ifndef SUPERVISOR_WORDS_H
#define SUPERVISOR_WORDS_H

#include "base/settings.h"

#define WORDS_MAX 32

struct words {
    char text[SETTING_TEXT_MAX]; /* the words, a NUL after each */
    char *items[WORDS_MAX];      /* into text */
    size_t count;
};

/*
 * Split text (shorter than SETTING_TEXT_MAX) at blanks; within single quotes a blank is a character
 * like any other. False when there is no word, too many, or a quote that is not closed.
 */
bool words_split(const char *text, struct words *words);

#endif
