/* clock.c - times as milliseconds and as ISO-8601 text. Called by base/json_out.c, api/worker.c. */
#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_MIN 1970
#define YEAR_MAX 9999

static int64_t
read_clock_us(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now); /* cannot fail for the clocks used here */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_now_ms(void)
{
    return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_steady_ms(void)
{
    return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_steady_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

char *
clock_format(int64_t ms, char text[CLOCK_TEXT_SIZE])
{
    int64_t fraction = ms % 1000;
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};

    if (fraction < 0) { /* before 1970 the fraction still counts upwards */
        fraction += 1000;
        seconds--;
    }
    if (gmtime_r(&seconds, &tm) == NULL) { /* the year is beyond an int */
        snprintf(text, CLOCK_TEXT_SIZE, "-");
        return text;
    }
    snprintf(text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)fraction);
    return text;
}

/* `digits` decimal digits at *at, between min and max; moves *at behind them. */
static bool
take_number(const char **at, int digits, int min, int max, int *value)
{
    int sum = 0;

    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];

        if (c < '0' || c > '9')
            return false;
        sum = sum * 10 + (c - '0');
    }
    if (sum < min || sum > max)
        return false;
    *at += digits;
    *value = sum;
    return true;
}

static bool
take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* YYYY-MM-DD */
static bool
take_date(const char **at, struct tm *tm)
{
    int year, month, day;

    if (!take_number(at, 4, YEAR_MIN, YEAR_MAX, &year) || !take_char(at, '-') ||
        !take_number(at, 2, 1, 12, &month) || !take_char(at, '-') ||
        !take_number(at, 2, 1, days_in_month(year, month), &day))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

/* ".25" and the like, if any: milliseconds, further digits dropped. False: a dot without digits. */
static bool
take_fraction(const char **at, int *ms)
{
    int weight = 100;

    *ms = 0;
    if (!take_char(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        *ms += (**at - '0') * weight;
        weight /= 10;
    }
    return true;
}

/* HH:MM[:SS[.fraction]] */
static bool
take_time(const char **at, struct tm *tm, int *ms)
{
    *ms = 0;
    if (!take_number(at, 2, 0, 23, &tm->tm_hour) || !take_char(at, ':') ||
        !take_number(at, 2, 0, 59, &tm->tm_min))
        return false;
    if (!take_char(at, ':'))
        return true;
    return take_number(at, 2, 0, 59, &tm->tm_sec) && take_fraction(at, ms);
}

/* Z, ±HH:MM or nothing: how far the text is ahead of UTC. */
static bool
take_zone(const char **at, int *ahead_s)
{
    const char sign = **at;
    int hours, minutes;

    *ahead_s = 0;
    if (sign == '\0' || take_char(at, 'Z'))
        return true;
    if (sign != '+' && sign != '-')
        return false;
    (*at)++;
    if (!take_number(at, 2, 0, 23, &hours) || !take_char(at, ':') ||
        !take_number(at, 2, 0, 59, &minutes))
        return false;
    *ahead_s = (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return true;
}

bool
clock_parse(const char *text, int64_t *ms)
{
    const int64_t end_ms = INT64_C(253402300800000); /* 10000-01-01 */
    struct tm tm = {0};
    int fraction_ms = 0, ahead_s = 0;
    int64_t result;

    if (!take_date(&text, &tm))
        return false;
    if (*text != '\0') {
        if (!take_char(&text, 'T') && !take_char(&text, ' '))
            return false;
        if (!take_time(&text, &tm, &fraction_ms) || !take_zone(&text, &ahead_s) || *text != '\0')
            return false;
    }
    result = ((int64_t)timegm(&tm) - ahead_s) * 1000 + fraction_ms;
    if (result < 0 || result >= end_ms) /* the zone moved it out of the years above */
        return false;
    *ms = result;
    return true;
}
