/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/plan/system.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

const struct macos_path macos_paths[] = {
	/* The loader opens it to start from; without it every program is aborted. Its names alone:
	   what is in the directories has rules of its own. */
	{"ROOT", "/", false, false, false, false},

	/* Libraries, and the caches that they are mapped from. */
	{"USR_LIB", "/usr/lib", true, true, false, false},
	{"SYSTEM_LIBRARY", "/System/Library", true, true, false, false},
	{"CRYPTEX_OS", "/System/Cryptexes/OS", true, true, false, false},
	{"CRYPTEX_APP", "/System/Cryptexes/App", true, true, false, false},
	{"PREBOOT_CRYPTEXES", "/System/Volumes/Preboot/Cryptexes", true, true, false, false},
	{"ROSETTA", "/Library/Apple/usr", true, true, false,
		false}, /* programs for the other processor */

	/* Time zones, locales, terminals, names of services; certificates that everybody trusts. */
	{"USR_SHARE", "/usr/share", true, false, false, false},
	{"TIME_ZONES", "/private/var/db/timezone", true, false, false, false},
	{"SERVICES", "/private/etc/services", false, false, false, false},
	{"PROTOCOLS", "/private/etc/protocols", false, false, false, false},
	{"CERTIFICATES", "/private/etc/ssl/cert.pem", false, false, false, false},
	{"OPENSSL_CONF", "/private/etc/ssl/openssl.cnf", false, false, false, false},

	{"HOSTS", "/private/etc/hosts", false, false, false, true},
	{"RESOLV_CONF", "/private/var/run/resolv.conf", false, false, false, true},

	{"DEV_NULL", "/dev/null", false, false, true, false},
	{"DEV_ZERO", "/dev/zero", false, false, false, false},
	{"DEV_RANDOM", "/dev/random", false, false, false, false},
	{"DEV_URANDOM", "/dev/urandom", false, false, false, false},
	{"DEV_FD", "/dev/fd", true, false, true,
		false}, /* the worker's own descriptors once more */
};

const size_t n_macos_paths = COUNT(macos_paths);

const char *const macos_links[] = {
	"/tmp",
	"/var",
	"/etc",
	"/private/etc/localtime",
	"/private/etc/resolv.conf",
	"/dev/stdin",
	"/dev/stdout",
	"/dev/stderr",
};

const size_t n_macos_links = COUNT(macos_links);

const char *const macos_sysctls[] = {
	"hw.activecpu",
	"hw.busfrequency_compat",
	"hw.byteorder",
	"hw.cacheconfig",
	"hw.cachelinesize",
	"hw.cachelinesize_compat",
	"hw.cpufamily",
	"hw.cpufrequency_compat",
	"hw.cpusubtype",
	"hw.cputype",
	"hw.l1dcachesize_compat",
	"hw.l1icachesize_compat",
	"hw.l2cachesize_compat",
	"hw.l3cachesize_compat",
	"hw.logicalcpu",
	"hw.logicalcpu_max",
	"hw.machine",
	"hw.memsize",
	"hw.ncpu",
	"hw.nperflevels",
	"hw.packages",
	"hw.pagesize",
	"hw.pagesize_compat",
	"hw.physicalcpu",
	"hw.physicalcpu_max",
	"hw.tbfrequency_compat",
	"hw.vectorunit",
	"kern.argmax",
	"kern.maxfilesperproc",
	"kern.ngroups",
	"kern.osproductversion",
	"kern.osrelease",
	"kern.ostype",
	"kern.osvariant_status",
	"kern.osversion",
	"kern.secure_kernel",
	"kern.usrstack64",
	"kern.version",
	"sysctl.proc_cputype",
	"sysctl.proc_native",
	"sysctl.proc_translated",
	"vm.loadavg",
	"vm.malloc_ranges",
};

const size_t n_macos_sysctls = COUNT(macos_sysctls);

const char *const macos_sysctl_families[] = {
	"hw.optional.",
	"hw.perflevel",
	"machdep.cpu.",
};

const size_t n_macos_sysctl_families = COUNT(macos_sysctl_families);

const char *const macos_open_operations[] = {
	"file-clone", /* would copy between areas what a rule about reading or writing holds */
	"file-link", /* would give a file that may only be read a name that may be written */
	"iokit-get-properties", /* serial numbers and the like */
	"nvram*",
};

const size_t n_macos_open_operations = COUNT(macos_open_operations);
