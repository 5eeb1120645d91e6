# SPDX-License-Identifier: GPL-2.0-or-later
# A subject of runner: SUBJECT_test of SUBJECT_test.sh, in one file, as every
# subject is installed.  Sets: SUBJECT, and in INLINE the lines of which each
# gives its place to a file: WORD:FILE for #@WORD@.
SELF ?= $(abspath ..)
O ?= $(abspath $(SELF)/../build/selftests)
OUT := $(O)/$(SUBJECT)
INLINE += RUNNER:$(SELF)/lib/runner.sh

inline_word = $(firstword $(subst :, ,$(1)))
inline_file = $(lastword $(subst :, ,$(1)))

all: $(OUT)/$(SUBJECT)_test

$(OUT)/$(SUBJECT)_test: $(SUBJECT)_test.sh $(foreach i,$(INLINE),$(call inline_file,$(i)))
	@mkdir -p $(OUT)
	sed $(foreach i,$(INLINE),-e '/#@$(call inline_word,$(i))@$$/{r $(call inline_file,$(i))' -e 'd}') $< >$@.new
	chmod 755 $@.new
	mv $@.new $@

.PHONY: all
