# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the userspace Makefiles share: O= names the output folder, SAN=1 builds
# with ASan and UBSan into its san/ folder.  Sets OUT, SHIFT_CFLAGS and
# SHIFT_LDFLAGS.  Who links lib/libshift.a links -lmount as well.
SHIFT_TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
O ?= $(abspath $(SHIFT_TOP)/../build)
SHIFTFS_VERSION ?= 0.1

CC ?= cc
CFLAGS ?= -O2 -g

SHIFT_CFLAGS = $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -I$(SHIFT_TOP)/lib \
	-DSHIFTFS_VERSION='"$(SHIFTFS_VERSION)"' \
	-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wvla -MMD -MP
SHIFT_LDFLAGS = $(LDFLAGS)

ifeq ($(SAN),1)
OUT := $(O)/san
SHIFT_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
SHIFT_LDFLAGS += -fsanitize=address,undefined
else
OUT := $(O)
SHIFT_CFLAGS += -fstack-protector-strong -D_FORTIFY_SOURCE=2
endif
