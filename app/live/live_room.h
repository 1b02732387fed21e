/*
 * live_room.h - who listens to what. A room is one run's, or with run_id "" one account's; a seat
 * is one client's place in one room. Pure. Used by the loop's thread alone.
 */
#ifndef LIVE_ROOM_H
#define LIVE_ROOM_H

#include "live_message.h"
#include "live_queue.h"

struct live_client; /* opaque here */
struct live_room;

struct live_seat {
    struct live_client *client;
    struct live_room *room;
    struct live_seat *next, *before; /* in the room */
    struct live_seat *next_of_client;
    uint64_t number; /* tells this seat from all that there ever were */
    /* A client that came back: its replay comes first, live events are held meanwhile. */
    bool replaying;
    int64_t told_seq;        /* all up to here has been told by a replay */
    struct live_outbox held; /* while replaying */
};

struct live_room {
    char account[LIVE_NAME_SIZE];
    char run_id[LIVE_NAME_SIZE];
    struct live_seat *seats;
    size_t seat_count;
    struct live_room *next; /* in the table */
};

#define LIVE_ROOM_BUCKETS 4096

struct live_rooms {
    struct live_room *buckets[LIVE_ROOM_BUCKETS];
    uint64_t seats_ever;
};

/* NULL: nobody is there. */
struct live_room *live_room_find(struct live_rooms *rooms, const char *account, const char *run_id);

/* The client's seat in the room, the room made when it is the first. NULL when memory ran out. */
struct live_seat *live_room_join(struct live_rooms *rooms, const char *account, const char *run_id,
                                 struct live_client *client);

/* Give up a seat and free it; an empty room goes too. True: it was the room's last. */
bool live_room_leave(struct live_rooms *rooms, struct live_seat *seat);

enum live_telling { LIVE_TELL, LIVE_HOLD, LIVE_SKIP };

/* What becomes of a live event with this seq at this seat. */
enum live_telling live_seat_judge(const struct live_seat *seat, int64_t seq);

#endif
