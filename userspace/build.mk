# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the userspace Makefiles share: O= names the output folder, SAN=1 builds
# with ASan and UBSan into its san/ folder.  CC, CPPFLAGS, CFLAGS and LDFLAGS are
# the caller's; WERROR=1 makes warnings errors, as the lab and SAN=1 do.  Sets OUT, SHIFT_CFLAGS and
# SHIFT_LDFLAGS.  Who links lib/libshift.a links -lmount as well.
SHIFT_TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
O ?= $(abspath $(SHIFT_TOP)/../build)
SHIFTFS_VERSION ?= 0.1

CC ?= cc
CFLAGS ?= -O2 -g

# A compiler that warns of more than those of the lab must not end the build.
WERROR ?= $(SAN)

SHIFT_CFLAGS = $(CPPFLAGS) $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -I$(SHIFT_TOP)/lib \
	-DSHIFTFS_VERSION='"$(SHIFTFS_VERSION)"' \
	-Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror) -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wvla -MMD -MP
# -flto and its like have to be known when linking as well
SHIFT_LDFLAGS = $(CFLAGS) $(LDFLAGS)

ifeq ($(SAN),1)
OUT := $(O)/san
SHIFT_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
SHIFT_LDFLAGS += -fsanitize=address,undefined
else
OUT := $(O)
SHIFT_CFLAGS += -fstack-protector-strong
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
SHIFT_CFLAGS += -D_FORTIFY_SOURCE=2
endif
endif
