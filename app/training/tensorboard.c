/*
 * tensorboard.c - episodes as records of an event file. A record is framed as "TFRecord" says
 * (TensorFlow's guide "TFRecord and tf.train.Example") and holds an Event of TensorFlow's
 * event.proto, written as "Protocol Buffers: Encoding" says: each member is a key, which is its
 * number and its wire type, and a value.
 * Called by routes/route_export.c. Next: base/crc32c.c.
 */
#include "training/tensorboard.h"

#include "base/crc32c.h"

#define FILE_VERSION "brain.Event:2"

enum wire_type { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5 };

/* Numbers below 16 with their wire type: keys of one byte. */
#define KEY(number, wire_type) ((uint8_t)((number) << 3 | (wire_type)))
#define EVENT_WALL_TIME KEY(1, WIRE_64_BITS)
#define EVENT_STEP KEY(2, WIRE_VARINT)
#define EVENT_FILE_VERSION KEY(3, WIRE_BYTES)
#define EVENT_SUMMARY KEY(5, WIRE_BYTES)
#define SUMMARY_VALUE KEY(1, WIRE_BYTES)
#define VALUE_TAG KEY(1, WIRE_BYTES)
#define VALUE_SIMPLE KEY(2, WIRE_32_BITS)

/* Key, length and the two members of a Value with the longest tag, all lengths of one byte. */
#define VALUE_SIZE_MAX (2 + 2 + METRIC_NAME_MAX + 5)
_Static_assert(VALUE_SIZE_MAX < 128, "a Value's length is a varint of one byte");

/* Bytes that are put together before they are written. */
struct piece {
    uint8_t bytes[VALUE_SIZE_MAX];
    size_t size;
};

/* A record's content, on its way out. */
struct record {
    struct out *out;
    uint32_t crc; /* of what was written of it */
};

static void
put_byte(struct piece *piece, uint8_t byte)
{
    piece->bytes[piece->size++] = byte;
}

/* Both formats have their least byte first. */
static void
put_fixed(struct piece *piece, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        put_byte(piece, (uint8_t)(value >> 8 * i));
}

static void
put_varint(struct piece *piece, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_byte(piece, (uint8_t)(value | 0x80));
    put_byte(piece, (uint8_t)value);
}

/* A string of at most METRIC_NAME_MAX bytes. */
static void
put_text(struct piece *piece, uint8_t key, const char *text, size_t size)
{
    put_byte(piece, key);
    put_byte(piece, (uint8_t)size);
    memcpy(piece->bytes + piece->size, text, size);
    piece->size += size;
}

static void
put_wall_time(struct piece *piece, int64_t ms)
{
    const double seconds = (double)ms / 1000.0;
    uint64_t bits;

    memcpy(&bits, &seconds, sizeof bits);
    put_byte(piece, EVENT_WALL_TIME);
    put_fixed(piece, bits, 8);
}

/* TFRecord: a checksum is kept rotated, so that one of data with checksums in it stays useful. */
static uint32_t
mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static void
record_write(struct record *record, const struct piece *piece)
{
    record->crc = crc32c(record->crc, piece->bytes, piece->size);
    out_bytes(record->out, (const char *)piece->bytes, piece->size);
}

static struct record
record_start(size_t size, struct out *out)
{
    struct piece head = {.size = 0};

    put_fixed(&head, size, 8);
    put_fixed(&head, mask(crc32c(0, head.bytes, head.size)), 4);
    out_bytes(out, (const char *)head.bytes, head.size);
    return (struct record){.out = out};
}

static void
record_end(const struct record *record)
{
    struct piece foot = {.size = 0};

    put_fixed(&foot, mask(record->crc), 4);
    out_bytes(record->out, (const char *)foot.bytes, foot.size);
}

void
tensorboard_write_start(int64_t started_ms, struct out *out)
{
    struct piece event = {.size = 0};
    struct record record;

    put_wall_time(&event, started_ms);
    put_text(&event, EVENT_FILE_VERSION, FILE_VERSION, sizeof FILE_VERSION - 1);
    record = record_start(event.size, out);
    record_write(&record, &event);
    record_end(&record);
}

/* The bytes of a Value, without its key and length in the Summary. */
static size_t
value_size(const char *name)
{
    return 2 + strnlen(name, METRIC_NAME_MAX) + 5;
}

/* The bytes of all values of an episode as members of its Summary. */
static size_t
summary_size(const struct episode *episode)
{
    size_t size = 0;

    for (size_t i = 0; i < episode->value_count; i++) {
        const char *name = episode->values[i].name;
        const char *other = metric_other_name(name);

        size += 2 + value_size(name);
        if (other != NULL)
            size += 2 + value_size(other);
    }
    return size;
}

static void
write_value(struct record *record, const char *name, double value)
{
    const float single = (float)value; /* IEEE 754: infinite when it is too large */
    struct piece piece = {.size = 0};
    uint32_t bits;

    memcpy(&bits, &single, sizeof bits);
    put_byte(&piece, SUMMARY_VALUE);
    put_byte(&piece, (uint8_t)value_size(name));
    put_text(&piece, VALUE_TAG, name, strnlen(name, METRIC_NAME_MAX));
    put_byte(&piece, VALUE_SIMPLE);
    put_fixed(&piece, bits, 4);
    record_write(record, &piece);
}

static void
write_values(struct record *record, const struct episode *episode)
{
    for (size_t i = 0; i < episode->value_count; i++) {
        const struct metric_value *value = &episode->values[i];
        const char *other = metric_other_name(value->name);

        write_value(record, value->name, value->real);
        if (other != NULL)
            write_value(record, other, value->real);
    }
}

void
tensorboard_write(const struct episode *episode, struct out *out)
{
    const size_t size = summary_size(episode);
    struct piece event = {.size = 0};
    struct record record;

    if (size == 0)
        return;
    put_wall_time(&event, episode->created_ms);
    put_byte(&event, EVENT_STEP);
    put_varint(&event, (uint64_t)episode->number);
    put_byte(&event, EVENT_SUMMARY);
    put_varint(&event, size);
    record = record_start(event.size + size, out);
    record_write(&record, &event);
    write_values(&record, episode);
    record_end(&record);
}
