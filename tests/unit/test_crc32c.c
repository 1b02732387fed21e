/* test_crc32c.c - the checksum against RFC 3720's examples, and against one made bit by bit. */
#include "base/crc32c.h"

#include "fakes/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* RFC 3720, B.4; the RFC shows each checksum's least byte first. */
static void
the_examples_of_the_rfc(void **state)
{
    static const uint8_t command[48] = {
        0x01, 0xC0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
    };
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

    (void)state;
    memset(ones, 0xFF, sizeof ones);
    for (uint8_t i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(crc32c(0, zeros, 32), 0x8A9136AA);
    assert_int_equal(crc32c(0, ones, 32), 0x62A8AB43);
    assert_int_equal(crc32c(0, up, 32), 0x46DD794E);
    assert_int_equal(crc32c(0, down, 32), 0x113FDB5C);
    assert_int_equal(crc32c(0, command, sizeof command), 0xD9963A56);
}

/* The "check" of the catalogues of CRCs, and nothing at all. */
static void
nine_digits_and_nothing(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
    assert_int_equal(crc32c(0xE3069283, "", 0), 0xE3069283);
}

/* The definition: the remainder of a division in GF(2), the bits of a byte least first. */
static uint32_t
bit_by_bit(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;

    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            const uint32_t odd = (crc ^ (uint32_t)bytes[i] >> bit) & 1;

            crc = crc >> 1 ^ (odd ? 0x82F63B78u : 0);
        }
    return ~crc;
}

#define SIZE_MAX_TRIED 100

static void
any_size_at_any_place_in_any_pieces(void **state)
{
    uint8_t bytes[SIZE_MAX_TRIED + 8];
    uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_below(&seed, 256);
    for (size_t from = 0; from < 8; from++)
        for (size_t size = 0; size <= SIZE_MAX_TRIED; size++) {
            const uint32_t expected = bit_by_bit(bytes + from, size);
            const size_t first = (size_t)random_below(&seed, size + 1);
            const uint32_t begun = crc32c(0, bytes + from, first);

            assert_int_equal(crc32c(0, bytes + from, size), expected);
            assert_int_equal(crc32c(begun, bytes + from + first, size - first), expected);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc),
        cmocka_unit_test(nine_digits_and_nothing),
        cmocka_unit_test(any_size_at_any_place_in_any_pieces),
    };

    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
