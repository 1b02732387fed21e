/* clock.c - times as milliseconds and as ISO-8601 text. Called by base/json_out.c, api/worker.c. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#define YEAR_MIN 1970
#define YEAR_MAX 9999
#define DAY_MS INT64_C(86400000)
#define CLOCK_MIN_MS (-719468 * DAY_MS)       /* 0000-03-01 */
#define CLOCK_END_MS INT64_C(253402300800000) /* 10000-01-01: beyond it years have five digits */

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

static char *
put_number(char *at, int64_t value, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    at[digits] = after;
    return at + digits + 1;
}

/*
 * YYYY-MM-DD of a day since 0000-03-01. Years that begin in March have their leap day last, so
 * the lengths of years and months follow from divisions alone (Gregorian: 400 years, 146097 days).
 */
static char *
put_date(char *at, int64_t day)
{
    const int64_t era = day / 146097, in_era = day % 146097;
    const int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int64_t in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * in_year + 2) / 153;
    const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    at = put_number(at, era * 400 + year_of_era + (month <= 2), 4, '-');
    at = put_number(at, month, 2, '-');
    return put_number(at, in_year - (153 * month_from_march + 2) / 5 + 1, 2, 'T');
}

/* By hand, because a long run's episodes carry one each and strftime would cost more than they. */
char *
clock_format(int64_t ms, char text[CLOCK_TEXT_SIZE])
{
    const int64_t since_0_ms = ms < CLOCK_MIN_MS   ? 0
                               : ms < CLOCK_END_MS ? ms - CLOCK_MIN_MS
                                                   : CLOCK_END_MS - CLOCK_MIN_MS - 1;
    const int64_t in_day_ms = since_0_ms % DAY_MS;
    char *at = put_date(text, since_0_ms / DAY_MS);

    at = put_number(at, in_day_ms / 3600000, 2, ':');
    at = put_number(at, in_day_ms / 60000 % 60, 2, ':');
    at = put_number(at, in_day_ms / 1000 % 60, 2, '.');
    at = put_number(at, in_day_ms % 1000, 3, 'Z');
    *at = '\0';
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
    if (result < 0 || result >= CLOCK_END_MS) /* the zone moved it out of the years above */
        return false;
    *ms = result;
    return true;
}
