/* rolling.c - rolling means. Called by curve.c, learning_curves.c and routes/route_training_run.c.
 */
#include "training/rolling.h"

#include <math.h>

void
rolling_init(struct rolling *rolling, size_t window)
{
    *rolling = (struct rolling){.window = window};
}

/* The ring is full: from here on its values leave from the front, so keep their sums from behind.
 */
static void
start_round(struct rolling *rolling)
{
    long double sum = 0.0L;

    rolling->older[rolling->window] = 0.0L;
    for (size_t i = rolling->window; i-- > 0;) {
        sum += rolling->newest[i];
        rolling->older[i] = sum;
    }
    rolling->round_sum = 0.0L;
}

double
rolling_add(struct rolling *rolling, double value)
{
    const size_t at = rolling->count % rolling->window;
    size_t held;

    if (!isfinite(value))
        return NAN;
    if (at == 0 && rolling->count > 0)
        start_round(rolling);
    rolling->newest[at] = value;
    rolling->round_sum += value;
    rolling->count++;
    held = rolling->count < rolling->window ? rolling->count : rolling->window;
    if (rolling->count <= rolling->window)
        return (double)(rolling->round_sum / (long double)held);
    return (double)((rolling->older[at + 1] + rolling->round_sum) / (long double)held);
}
