# The front door. Meson does the work; see CONTRIBUTING.md for using it directly.
#   make            build            make check      install what is missing, run every test
#   make demo       install what is missing, build, show a worker and an attacker confined
#   make install    PREFIX=/usr/local DESTDIR=
#   make sanitize   the tests under ASan and UBSan, threads under TSan, and valgrind; make tsan: threads alone
#   make torture    every system call and allocation of a start fails in turn: JOBS=2 at a time, an
#                   hour or more; ended, it goes on where it was. PART=2/5: a fifth of them
#   make torture-machine, make kill-machine  the same, and the next, for a micro-VM's jails
#   make boots      BOOTS=100 cold boots of machines beside a load, none of which may hang; minutes
#   make e2e-machine  the end-to-end suite in machines, as root and as a user; an hour
#   make kill       MOMENTS=500 kills of each process of a jail, at random moments, some minutes
#   make soak       SPAWNS=20000 spawns of every kind from one process, which must not grow
#   make egress-load  CONNECTIONS=24000 through the egress proxy, with checksums, every fifth one cut
#                   at random; and as many idle ones; some minutes
#   make fuzz       SECONDS=60 the parsers of foreign bytes, as long each
#   make check-kvm  machines on real KVM, in an emulated guest; with KASTELLAN_FIRECRACKER=PROGRAM
#                   Firecracker, too; some minutes
#   make lint       gcc, clang, clang-tidy, cppcheck, formatting
#   make bench      measure against the peers, some minutes (bench-quick: under one)
#   make check-vm   the tests in guests with other kernels and hosts; GUESTS="debian12 sid"
#                   and TESTS=RE take fewer; an hour on an idle machine. GUESTS=arm64, by itself, is
#                   another processor, and builds for it
#   make check-aarch64  cross-built, the unit and golden tests under qemu-user
#   make macos      build for macOS 13 on Linux: build/macos-arm64 and build/macos-x86_64
#   make check-macos  on a Mac: try the backends there; tests/macos/README.md
#   make format     clang-format everything

PREFIX ?= /usr/local
BUILD ?= build
SECONDS ?= 60
MOMENTS ?= 500
SPAWNS ?= 20000
BOOTS ?= 100
CONNECTIONS ?= 24000
JOBS ?= $(shell nproc)
PART ?= 1/1
NINJA = ninja -C $(BUILD) --quiet

# A PREFIX that is given holds for a directory that was set up with another one, too; without one
# the directory keeps its own.
CONFIGURE = :
ifneq ($(origin PREFIX),file)
CONFIGURE = [ "$$(cat $(BUILD)/.prefix 2>/dev/null)" = "$(PREFIX)" ] || { \
	meson configure $(BUILD) --prefix="$(PREFIX)" && echo "$(PREFIX)" >$(BUILD)/.prefix; }
endif

# On a Mac what is cross-built and no more: its own tests are make check-macos.
SETUP = $(if $(filter Darwin,$(shell uname)),-Dtests=false -Dman=false)

.PHONY: all demo check check-kvm install uninstall sanitize tsan torture torture-machine boots e2e-machine kill kill-machine soak egress-load fuzz lint bench bench-quick macos macos-egress check-macos check-vm check-aarch64 format clean

all: $(BUILD)/build.ninja
	@$(CONFIGURE)
	@$(NINJA)

$(BUILD)/build.ninja:
	@tools/install-packages build
	@meson setup $(BUILD) --prefix="$(PREFIX)" $(SETUP) >$(BUILD).log || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/setup.log
	@echo "$(PREFIX)" >$(BUILD)/.prefix

demo:
	@tools/install-packages build demo
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@$(CONFIGURE)
	@$(NINJA) cli/kastellan src/linux/init/kastellan-init
	@examples/python-exec/demo $(BUILD)

check:
	@tools/install-packages build demo check
	@$(MAKE) --no-print-directory all
	@tests/check $(BUILD)

install: all
	@if [ -n "$(DESTDIR)" ]; then DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild; \
	else meson install -C $(BUILD) --no-rebuild; fi

uninstall:
	@if [ -n "$(DESTDIR)" ]; then echo "make uninstall: remove $(DESTDIR) by hand" >&2; exit 1; fi
	@$(NINJA) uninstall

sanitize:
	@tools/install-packages build check
	@tools/sanitize

tsan:
	@tools/install-packages build check
	@tools/sanitize threads

check-kvm:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/microvm/fetch
	@tests/kvm/run --build $(BUILD)

PROGRAMS = --kastellan $(BUILD)/cli/kastellan --egress $(BUILD)/src/egress/kastellan-egress \
	--init $(BUILD)/src/linux/init/kastellan-init
VM_CACHE = $(or $(KASTELLAN_VM_CACHE),$(HOME)/.cache/kastellan/vm)
MACHINE = KASTELLAN_VM=$(abspath $(BUILD))/src/vm/machine/kastellan-vm \
	KASTELLAN_FILES=$(abspath $(BUILD))/src/vm/files/kastellan-files \
	KASTELLAN_VM_ROOT=$(VM_CACHE)/root

# Every way is taken, whatever comes of the ones before.
torture:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@bad=0; for run in native bwrap landlock "native --net" "bwrap --net"; do \
		tests/torture/run $(PROGRAMS) --backend $$run --jobs $(JOBS) --part $(PART) --seed 1 \
			--journal "$(BUILD)/torture/$$run" || bad=1; done; exit $$bad

# A start takes seconds, so one error, and the processes of both jails in turn.
torture-machine:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@$(MACHINE) tests/torture/run $(PROGRAMS) --backend qemu --roles SMHXIWVmhxiwF --errors EPERM \
		--jobs $(JOBS) --part $(PART) --seed 1 --journal $(BUILD)/torture/qemu

kill:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/kill/run $(PROGRAMS) --moments $(MOMENTS)

boots:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/microvm/fetch
	@$(MACHINE) KASTELLAN_INIT=$(abspath $(BUILD))/src/linux/init/kastellan-init \
		tests/microvm/boots --kastellan $(BUILD)/cli/kastellan --boots $(BOOTS)

e2e-machine:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/microvm/e2e --build $(BUILD) $(if $(TESTS),-k '$(TESTS)')

kill-machine:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@$(MACHINE) tests/kill/run $(PROGRAMS) --backend qemu \
		--moments $(if $(filter file,$(origin MOMENTS)),12,$(MOMENTS))

soak:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/soak/run $(BUILD) $(SPAWNS)

egress-load:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/egress/run --egress $(BUILD)/src/egress/kastellan-egress --connections $(CONNECTIONS) -k load

fuzz:
	@tools/install-packages build check
	@tests/fuzz/run --seconds $(SECONDS)

lint:
	@tools/install-packages build lint
	@tools/lint

bench bench-quick:
	@tools/install-packages build
	@$(MAKE) --no-print-directory all
	@[ $@ = bench-quick ] || bench/install-peers
	@bench/run --build $(BUILD) $(if $(filter bench-quick,$@),--quick)

macos:
	@tools/install-packages build macos
	@tools/macos/build $(BUILD)

macos-egress:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory all
	@tests/egress/run --egress $(BUILD)/tests/doubles/mac/kastellan-egress-as-on-a-mac \
		--names $(abspath $(BUILD))/tests/doubles/mac/kastellan-names-as-on-a-mac

VM_BUILD = $(BUILD)$(if $(filter arm64,$(GUESTS)),-arm64)

check-vm:
	@tools/install-packages build check $(if $(filter arm64,$(GUESTS)),aarch64)
	@$(if $(filter arm64,$(GUESTS)),tests/vm/cross-build $(VM_BUILD),$(MAKE) --no-print-directory all)
	@tests/vm/run --build $(VM_BUILD) --e2e --timeout 3600 --boot-timeout 300 \
		$(if $(GUESTS),$(addprefix --guest ,$(GUESTS)),--all) $(if $(TESTS),-k '$(TESTS)')

check-aarch64:
	@tools/install-packages build aarch64
	@tests/cross/aarch64 $(BUILD)-aarch64

check-macos:
	@[ "$$(uname)" = Darwin ] || { echo "make check-macos: this is no Mac" >&2; exit 1; }
	@$(MAKE) --no-print-directory all
	@tests/macos/run $(BUILD)/cli/kastellan $(BUILD)/src/macos/host/kastellan-warden \
		$(BUILD)/tests/macos/macos-probe $(BUILD)/macos-result.json

format:
	@tools/install-packages lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD)
