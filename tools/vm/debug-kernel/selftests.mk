# SPDX-License-Identifier: GPL-2.0
# run-all.sh mounts the filesystems beneath and runs each program over each.

CFLAGS += -std=gnu11 -O1 -g -Wall -Ilib -I../.. $(KHDR_INCLUDES)
LOCAL_HDRS := $(wildcard lib/*.h)

TEST_PROGS := run-all.sh
TEST_FILES := allowed-skips once stress
TEST_GEN_PROGS_EXTENDED := $(patsubst %.c,%,$(wildcard */*_test.c))

include ../../lib.mk

$(TEST_GEN_PROGS_EXTENDED): lib/utils.c lib/mount.c
