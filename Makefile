# make            everything into build/              make V=1       with the commands shown
# make demo       install what is missing, build, run the main job on real data
# make check      every test;  make check T=tests/cli/at-agg.bats    one
# make asan|tsan  the same tests under a sanitizer, in a build folder of its own
# make fuzz       each target for FUZZ seconds (needs clang);  make bench;  make eval;  make docs;  make conformance (suites of real clients)
# make install    PREFIX, DESTDIR;  READLINE=no builds at-query's shell without readline (GPL);  SHARED=yes, commands that load all they use

VERSION  := 0.1.0
PREFIX   ?= /usr/local
LIBDIR   ?= $(PREFIX)/lib
B        ?= build
O        ?= -O2 -g
READLINE ?= yes
SHARED   ?= no
OBJCOPY  ?= objcopy

# Hardening costs nothing measurable and is on in every build; the base instruction set stays that of any machine of the
# kind, faster ones are chosen at run time.
HARDEN   ?= -fstack-protector-strong -fstack-clash-protection $(ZEROED) $(FORTIFY) $(CET)
# (clang before 16 wants to be asked twice)
ZEROED   := $(shell for z in '' -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang; do z="-ftrivial-auto-var-init=zero $$z"; \
              $(CC) $$z -x c -c /dev/null -o /dev/null 2>&- && echo $$z && break; done)
FORTIFY  := $(if $(findstring -O0,$O)$(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
CET      := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),-fcf-protection=full)
CFLAGS   ?= $O
warn      = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unknown-warning-option \
            -Wno-format-truncation -Wno-missing-field-initializers -Werror=format-security -Werror=implicit-function-declaration -Werror=return-type
all_cflags  = -std=gnu11 -Ilib -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -pthread -fPIC -fvisibility=hidden -fno-math-errno \
              $(warn) $(HARDEN) $(CPPFLAGS) $(CFLAGS) $(SAN)
all_ldflags = -pthread -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS) $(SAN)
LIBS          = -lncursesw -llmdb -lsqlite3 -lcsv -lzstd -lssl -lcrypto -loath -lz -lm
CPPFLAGS     += $(if $(filter yes,$(READLINE)),-DHAVE_READLINE)

# What each run of a filter uses is a part of it, where the system has archives (an unknown one comes back by its name alone): to map
# four libraries and look 2,000 names up took 0.5 ms, a quarter of what a short query takes. at-serve, which starts once, and libat.so,
# whose user has his own, load them.
archive    = $(if $(filter no,$(SHARED)),$(filter /%,$(shell $(CC) -print-file-name=lib$1.a)))
BEGUN_WITH := $(foreach l,lmdb sqlite3 zstd z,$(or $(call archive,$l),-l$l))

commands := $(notdir $(wildcard cmd/*))
lib_o    := $(patsubst %.c,$B/%.o,$(wildcard lib/*/*.c))
units    := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/*.c))
fuzzers  := $(patsubst tests/fuzz/%.c,%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
pages    := $(wildcard man/*.[1-8])

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

all: $(commands:%=$B/bin/%) $B/libat.a $B/libat.so $B/at.pc

# One rule a kind of thing. The compiler writes what each object depends on beside it.
$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,cc,$<)
	$(Q)$(CC) $(all_cflags) -MMD -MP -c -o $@ $<

$B/lib/config/config.o: $(wildcard lib/config/*.json)       # they travel inside it
$B/lib/serve/route.o: lib/serve/schemas.json

# The dashboards' page travels packed.
web := $(wildcard lib/serve/web/*)
$B/%.gz: %
	@mkdir -p $(@D)
	$(Q)gzip -9nc $< > $@
$B/lib/serve/web.o: $(web:%=$B/%.gz)
$B/lib/serve/web.o: private CPPFLAGS += -DWEB_DIR='"$B/lib/serve/web"'

# Loaded when they are first wanted (lib/base/later.h): by the name that the linker would have written down.
soname = '"$(or $(shell objdump -p $$($(CC) -print-file-name=lib$1.so) 2>&- | awk '$$1 == "SONAME" { print $$2 }'),lib$1.so.$2)"'
$B/cmd/at-query/shell.o: private CPPFLAGS += -DLIBREADLINE=$(call soname,readline,8)
$B/lib/expr/jq.o: private CPPFLAGS += -DLIBJQ=$(call soname,jq,1)
$B/lib/expr/regex.o: private CPPFLAGS += -DLIBONIG=$(call soname,onig,5)
$B/lib/http/client.o: private CPPFLAGS += -DLIBCURL=$(call soname,curl,4)
$B/lib/dash/pdf.o: private CPPFLAGS += -DLIBHPDF=$(call soname,hpdf,2.3)

$B/librooms.a: $(lib_o)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# What the world links: one object, in which only the names of at/at.h can be seen.
$B/libat.a: $(lib_o)
	$(Q)$(LD) -r -o $B/at.o $^ && $(OBJCOPY) --localize-hidden $B/at.o && rm -f $@ && $(AR) rcs $@ $B/at.o
$B/libat.so: $(lib_o)
	$(call say,ld,$@)
	$(Q)$(CC) -shared -Wl,-soname,libat.so.0 -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS) $(SAN) -o $@ $^ $(LIBS)
pc = printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$${prefix}/include' '' 'Name: at' \
  'Description: Real-time analytics: events, windows, anomalies and SQL over one store' 'Version: $(VERSION)' \
  'Libs: -L$${libdir} -lat' 'Libs.private: $(LIBS) -pthread' 'Cflags: -I$${includedir}'
$B/at.pc: force                 # of the PREFIX of this call: make, then make install PREFIX=…
	@mkdir -p $B; $(pc) | cmp -s - $@ || $(pc) > $@

.SECONDEXPANSION:
$B/bin/%: $$(addprefix $B/,$$(addsuffix .o,$$(basename $$(wildcard cmd/$$*/*.c)))) $B/librooms.a $B/links
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $(filter-out $B/links,$^) $(if $(filter at-serve,$(@F)),,$(BEGUN_WITH)) $(LIBS)

$B/unit/%: $B/tests/unit/%.o $B/librooms.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(LIBS) -lcmocka

$B/bench/%: $B/tests/bench/%.o $B/librooms.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(LIBS)

$B/peers/%: $B/tests/peers/%.o $B/librooms.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(LIBS)

$B/replay/%: $B/tests/fuzz/%.o $B/tests/fuzz/replay.o $B/librooms.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(LIBS)

# Changed flags rebuild; unchanged ones do not.
$B/flags: force
	@mkdir -p $B; echo '$(CC) $(all_cflags)' | cmp -s - $@ || echo '$(CC) $(all_cflags)' > $@
$B/links: force
	@mkdir -p $B; echo '$(all_ldflags) $(BEGUN_WITH) $(LIBS)' | cmp -s - $@ || echo '$(all_ldflags) $(BEGUN_WITH) $(LIBS)' > $@

# What the machine needs. On Debian and its kin it is installed; elsewhere it is named.
BUILD_DEPS = gcc make binutils gzip libc6-dev liblmdb-dev libsqlite3-dev libjq-dev libonig-dev libcsv-dev libzstd-dev zlib1g-dev libncurses-dev libhpdf-dev \
             libssl-dev libcurl4-openssl-dev liboath-dev \
             $(if $(filter yes,$(READLINE)),libreadline-dev)
TEST_DEPS  = libcmocka-dev bats perl jq python3 openssl mandoc sqlite3 gzip curl procps strace tmux ncurses-term nodejs node-typescript chromium
deps:
	@sh tests/deps.sh $(BUILD_DEPS)
check-deps:
	@sh tests/deps.sh $(BUILD_DEPS) $(TEST_DEPS)

demo: deps
	@$(MAKE) --no-print-directory all
	@B=$(abspath $B) sh examples/demo/run

# The longest first, and twice as many at a time as there are cores: many wait for a clock, a child or a browser.
slowest = $(addprefix tests/, cli/web.bats cli/at-serve.bats cli/serve-alerts.bats cli/at-agg.bats fault/serve.bats cli/sql.bats cli/live.bats \
            fault/http.bats cli/dashboards.bats cli/notify.bats fault/ingest.bats cli/at-ingest.bats cli/examples.sh fault/store.bats cli/patterns.bats \
            fault/query.bats cli/ask.bats cli/at-detect.bats cli/policy.bats cli/dashboards-live.bats cli/at-insight.bats cli/install.bats)
T = $(slowest) $(units) $(filter-out $(slowest),$(wildcard tests/cli/*.bats tests/cli/*.sh tests/fault/*.bats)) \
    $(fuzzers:%=$B/replay/%) $(wildcard tests/lint/*.sh)
TESTS_AT_ONCE ?= $(shell echo $$((2 * $$(nproc))))
check: check-deps
	@$(MAKE) --no-print-directory check-run
check-run: all $(units) $(fuzzers:%=$B/replay/%) $B/peers/restricted $B/bench/http
	@B=$(abspath $B) CC='$(CC)' SANITIZED='$(SAN)' CMOCKA_MESSAGE_OUTPUT=TAP prove -j$(TESTS_AT_ONCE) --timer -e tests/run $T

asan:; $(MAKE) B=build/asan SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' O='-O1 -g' check
tsan:; $(MAKE) B=build/tsan SAN=-fsanitize=thread O='-O1 -g' check

# libFuzzer over each target; what it finds new is kept in the corpus, which `make check` replays.
FUZZ ?= 60
fuzz:; $(MAKE) B=build/fuzz CC=clang SAN=-fsanitize=fuzzer-no-link,address,undefined fuzz-run
fuzz-run: $(fuzzers:%=$B/fuzz/%)
	@for f in $(fuzzers); do mkdir -p $B/found/$$f tests/fuzz/corpus/$$f; \
	  $B/fuzz/$$f -max_total_time=$(FUZZ) -print_final_stats=1 $B/found/$$f tests/fuzz/corpus/$$f || exit; done
$B/fuzz/%: $B/tests/fuzz/%.o $B/librooms.a
	@mkdir -p $(@D)
	$(CC) $(all_ldflags) -fsanitize=fuzzer -o $@ $^ $(LIBS)

conformance: all $B/bench/http
	@B=$(abspath $B) sh tests/peers/clients.sh

# The scores on ../shared/eval; numpy is of the scorers.
eval: deps
	@sh tests/deps.sh python3 python3-numpy || true
	@$(MAKE) --no-print-directory all
	@B=$(abspath $B) $$(ls /usr/bin/python3 2>&- || echo python3) tests/eval/run $(SETS)

bench: all $B/bench/project
	@B=$(abspath $B) sh tests/bench/run

docs: all
	@for c in $(commands); do \
	  sed -i -e '/^\.\\" options/,/^\.\\" end/{//!d}' man/$$c.1 && \
	  $B/bin/$$c --help=mdoc > $B/opts && sed -i "/^\.\\\\\" options/r $B/opts" man/$$c.1 && \
	  $B/bin/$$c --help=bash > completions/$$c.bash && $B/bin/$$c --help=zsh > completions/_$$c && \
	  $B/bin/$$c --help=fish > completions/$$c.fish || exit; done

# What README and the examples show, made anew; git diff is the review.
golden: all
	@B=$(abspath $B) python3 tests/golden/fill.py README.md examples/*.md

compile_commands.json:
	@{ echo '['; for f in $(wildcard lib/*/*.c cmd/*/*.c); do \
	  printf '%s{"directory":"%s","file":"%s","command":"%s"}' "$$sep" '$(CURDIR)' $$f \
	  "$$(printf %s '$(CC) $(all_cflags) -c ' $$f | sed 's/"/\\"/g')"; sep=','; done; echo ']'; } > $@

format:; git diff -U0 --no-color HEAD -- '*.[ch]' | clang-format-diff -p1 -i

# A folder may have a blank in its name.
D = "$(DESTDIR)$(PREFIX)"
L = "$(DESTDIR)$(LIBDIR)"
install: all
	install -d $D/bin $L/pkgconfig $D/include $D/share/bash-completion/completions $D/share/zsh/site-functions $D/share/fish/vendor_completions.d
	install $(commands:%=$B/bin/%) $D/bin
	install -m644 $B/libat.a $L
	install -m755 $B/libat.so $L/libat.so.$(VERSION)
	ln -sf libat.so.$(VERSION) $L/libat.so.0
	ln -sf libat.so.0 $L/libat.so
	install -m644 $B/at.pc $L/pkgconfig
	install -m644 lib/at/at.h $D/include
	for p in $(pages); do install -d $D/share/man/man$${p##*.} && install -m644 $$p $D/share/man/man$${p##*.} || exit; done
	for c in $(commands); do install -m644 completions/$$c.bash $D/share/bash-completion/completions/$$c && \
	  install -m644 completions/_$$c $D/share/zsh/site-functions && \
	  install -m644 completions/$$c.fish $D/share/fish/vendor_completions.d || exit; done

uninstall:
	rm -f $L/libat.* $L/pkgconfig/at.pc $D/include/at.h
	for p in $(notdir $(pages)); do rm -f $D/share/man/man$${p##*.}/$$p; done
	for c in $(commands); do rm -f $D/bin/$$c $D/share/bash-completion/completions/$$c $D/share/zsh/site-functions/_$$c \
	  $D/share/fish/vendor_completions.d/$$c.fish; done

clean:; rm -rf $B compile_commands.json

.PHONY: all deps check-deps demo check check-run asan tsan fuzz fuzz-run conformance bench eval docs golden format install uninstall clean force compile_commands.json
.SECONDARY:
-include $(shell find $B -name '*.d' 2>/dev/null)
