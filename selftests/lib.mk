# SPDX-License-Identifier: GPL-2.0-or-later
# Included by each subject's Makefile, which names PROGS.

SELF ?= $(abspath ..)
O ?= $(abspath $(SELF)/../build/selftests)
KSELFTEST_DIR ?= $(abspath $(SELF)/../build/cache/kselftest)
SUBJECT := $(notdir $(CURDIR))
OUT := $(O)/$(SUBJECT)
LIB ?= $(SELF)/lib/utils.c $(SELF)/lib/mount.c
LIBH := $(wildcard $(SELF)/lib/*.h)

CFLAGS ?= -O1 -g
# kselftest's own macros compare signed with unsigned
CFLAGS += -std=gnu11 -Wall -Wextra -Werror -Wno-sign-compare
CPPFLAGS += -D_GNU_SOURCE -I$(SELF)/lib -isystem $(KSELFTEST_DIR)

all: $(addprefix $(OUT)/,$(PROGS))

$(OUT)/%: %.c $(LIB) $(LIBH)
	@mkdir -p $(OUT)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(LIB) $(LDLIBS)

.PHONY: all
