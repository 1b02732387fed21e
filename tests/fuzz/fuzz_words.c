/* fuzz_words.c - a command is split into words that hold what it held, and no more. */
#include "fuzz.h"

#include "supervisor/words.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size < SETTING_TEXT_MAX ? size : SETTING_TEXT_MAX - 1);
    struct words words;
    size_t kept = 0;

    if (words_split(text, &words)) {
        CLAIM(words.count >= 1 && words.count <= WORDS_MAX && words.items[0][0] != '\0');
        for (size_t i = 0; i < words.count; i++)
            kept += strlen(words.items[i]);
        CLAIM(kept <= strlen(text));
    }
    free(text);
    return 0;
}
