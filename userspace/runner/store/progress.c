/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 100

void progress_init(struct progress *p, bool force)
{
	memset(p, 0, sizeof(*p));
	p->on = force || isatty(STDERR_FILENO);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 40)
		return 80;
	return w.ws_col > 120 ? 120 : w.ws_col;
}

static void draw(struct progress *p)
{
	double mib = (double)p->done / (1 << 20);
	char bar[128];
	int width = columns() - (int)sizeof(p->what) - 14, full;

	if (!p->total || width < 5) {
		fprintf(stderr, "\r\033[K%s %.1f MiB", p->what, mib);
	} else {
		full = p->done >= p->total ? width :
			(int)((double)p->done / (double)p->total * width);
		memset(bar, '#', (size_t)full);
		memset(bar + full, '.', (size_t)(width - full));
		bar[width] = '\0';
		fprintf(stderr, "\r\033[K%-*s [%s] %3d%%", (int)sizeof(p->what) - 1,
			p->what, bar, (int)(100.0 * (double)p->done /
					    (double)p->total));
	}
	fflush(stderr);
	p->drawn = true;
}

void progress_begin(struct progress *p, const char *what, uint64_t total)
{
	snprintf(p->what, sizeof(p->what), "%s", what);
	p->done = 0;
	p->total = total;
	p->last = 0;
	progress_at(p, 0);
}

void progress_at(struct progress *p, uint64_t done)
{
	int64_t now;

	p->done = done;
	if (!p->on)
		return;
	now = now_ms();
	if (p->last && now - p->last < INTERVAL_MS)
		return;
	p->last = now;
	draw(p);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
