/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limits of a pod as options of run and update: one table for both. */
#ifndef RUNNER_LIMITS_H
#define RUNNER_LIMITS_H

#include "error.h"
#include "spec/spec.h"

#define LIMIT_OPTIONS(code) \
	{ 'm', "memory", code, "BYTES", "with b, k, m, g or t; -1: no limit", NULL }, \
	{ 0, "memory-swap", code, "BYTES", "memory and swap together; -1: no limit", NULL }, \
	{ 0, "memory-reservation", code, "BYTES", "what is left to it when memory is short: memory.low", NULL }, \
	{ 0, "cpus", code, "N", "processors, 0.01 to 10000", NULL }, \
	{ 'c', "cpu-shares", code, "N", "weight, 1 to 262144", NULL }, \
	{ 0, "cpu-period", code, "USEC", "of --cpu-quota, 1000 to 1000000 microseconds", NULL }, \
	{ 0, "cpu-quota", code, "USEC", "of processor time in each period, from 1000 on", NULL }, \
	{ 0, "cpuset-cpus", code, "LIST", "the processors that it may use: 0-3,5", NULL }, \
	{ 0, "cpuset-mems", code, "LIST", "the memory nodes that it may use", NULL }, \
	{ 0, "pids-limit", code, "N", "processes and threads; -1: no limit", NULL }, \
	{ 0, "io-weight", code, "N", "weight, 1 to 10000", NULL }, \
	{ 0, "io-max", code, "LIMITS", "DEVICE:rbps=N,wbps=N,riops=N,wiops=N", NULL }, \
	{ 0, "device-read-bps", code, "DEVICE:N", "bytes in a second", NULL }, \
	{ 0, "device-write-bps", code, "DEVICE:N", "bytes in a second", NULL }, \
	{ 0, "device-read-iops", code, "DEVICE:N", "operations in a second", NULL }, \
	{ 0, "device-write-iops", code, "DEVICE:N", "operations in a second", NULL }, \
	{ 0, "cgroup-conf", code, "FILE=VALUE", "a file of the cgroup and its value", NULL }

/* Limits of podman's that cgroup version 2 or runner does not have. */
#define LIMITS_REFUSED \
	{ 0, "blkio-weight", 0, "N", NULL, "a matter of cgroup version 1: see --io-weight" }, \
	{ 0, "blkio-weight-device", 0, "D:N", NULL, "a matter of cgroup version 1: see --cgroup-conf io.weight=" }, \
	{ 0, "cpu-rt-period", 0, "USEC", NULL, "a matter of cgroup version 1" }, \
	{ 0, "cpu-rt-runtime", 0, "USEC", NULL, "a matter of cgroup version 1" }, \
	{ 0, "memory-swappiness", 0, "N", NULL, "a matter of cgroup version 1" }

/* Takes the limit @name of the table into @res; the message begins with it. */
int limits_take(const char *name, const char *value,
		struct spec_resources *res, struct shift_error *err);

#endif
