/* SPDX-License-Identifier: Apache-2.0 */
/* The lists, and for each entry the reason why it is there. What is missing is missing on purpose:
 *   /etc/passwd, group, hosts, hostname, nsswitch.conf  are generated: the host's name its people
 *   /etc/machine-id, /sys, /run    identity of the host, sockets of its services
 *   /etc/ld.so.preload             would put the host's libraries into every worker
 *   /etc/gitconfig, npmrc, pip.conf, wgetrc, environment, profile  settings that may hold secrets
 *   /etc/ssl/private, /etc/pki/tls/private, /etc/pki/nssdb         keys
 *   /opt, /nix/store, /home        not every worker's: a grant away */
#include "linux/system_paths.h"

#include <string.h>

const char *const system_paths[] = {
	"/usr", /* programs and libraries; /usr/local is in it */

	/* The usual links into /usr, or directories where it is not merged. */
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",

	/* Finding and loading of libraries. */
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/ld-musl-aarch64.path",
	"/etc/ld-musl-x86_64.path",
	"/etc/alternatives", /* links only: /usr/bin/awk, cc and java lead through it */

	/* Certificates that everybody trusts, and the settings of TLS libraries; no keys. */
	"/etc/ca-certificates/extracted", /* Arch */
	"/etc/crypto-policies", /* Fedora: included by openssl.cnf */
	"/etc/pki/ca-trust/extracted", /* Fedora */
	"/etc/pki/tls/cert.pem",
	"/etc/pki/tls/certs",
	"/etc/pki/tls/openssl.cnf",
	"/etc/ssl/ca-bundle.pem", /* SUSE */
	"/etc/ssl/cert.pem", /* Alpine */
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/var/lib/ca-certificates", /* SUSE: where the links in /etc/ssl lead */

	/* Time zone, terminal and name tables that library functions read. */
	"/etc/inputrc",
	"/etc/localtime",
	"/etc/mime.types",
	"/etc/protocols",
	"/etc/services",
	"/etc/terminfo",
	"/etc/timezone",

	"/etc/os-release", /* a link into /usr; platform libraries read it by this name */
	"/etc/fonts", /* whoever draws: without it fontconfig fails */

	/* Debian's JVMs do not start without their security settings, which /usr links to. */
	"/etc/java-8-openjdk",
	"/etc/java-11-openjdk",
	"/etc/java-17-openjdk",
	"/etc/java-21-openjdk",
	"/etc/java-25-openjdk",
};

const size_t n_system_paths = sizeof(system_paths) / sizeof(system_paths[0]);

const char *const network_paths[] = {
	"/etc/gai.conf",
	"/etc/hosts",
	"/etc/resolv.conf",
};

const size_t n_network_paths = sizeof(network_paths) / sizeof(network_paths[0]);

bool system_path_of_network(const char *path)
{
	for (size_t i = 0; i < n_network_paths; i++)
		if (strcmp(network_paths[i], path) == 0)
			return true;
	return false;
}

const struct system_proc system_proc[] = {
	{"/proc/cgroups", false}, /* runtimes (the JVM) read it to find their limits */
	{"/proc/cpuinfo",
		false}, /* features of the processor, for libraries that choose code by them */
	{"/proc/filesystems", false}, /* names only */
	{"/proc/loadavg", false}, /* build tools start fewer jobs by it */
	{"/proc/meminfo", false}, /* runtimes size their heaps by it */
	{"/proc/stat", false}, /* number of processors in C libraries, psutil */
	{"/proc/sys", true}, /* made read-only: limits and random uuids are read there */
	{"/proc/sysvipc", true}, /* of the jail's own namespace */
	{"/proc/uptime", false}, /* ps, psutil */
	{"/proc/version", false}, /* as uname */
	{"/proc/vmstat", false}, /* psutil, free */
};

const size_t n_system_proc = sizeof(system_proc) / sizeof(system_proc[0]);

const char *const system_proc_private[] = {
	"kcore",
	"kmsg",
	"kpagecgroup",
	"kpagecount",
	"kpageflags",
	"pagetypeinfo",
	"slabinfo",
	"sysrq-trigger",
	"timer_list",
	"vmallocinfo",
};

const size_t n_system_proc_private = sizeof(system_proc_private) / sizeof(system_proc_private[0]);

bool system_proc_kept(const char *name)
{
	for (size_t i = 0; i < n_system_proc; i++)
		if (strcmp(system_proc[i].path + strlen("/proc/"), name) == 0)
			return true;
	return false;
}

bool system_path_shown(const char *path)
{
	for (size_t i = 0; i < n_system_paths; i++) {
		size_t len = strlen(system_paths[i]);

		if (strncmp(system_paths[i], path, len) == 0 &&
			(path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
}
