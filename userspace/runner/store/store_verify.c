/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "store/tree.h"

#define INDEX_MAX (1u << 30)

static int verify_layer(const struct store *store,
			const struct store_layer *layer,
			struct progress *progress, struct strv *findings,
			struct shift_error *err)
{
	_cleanup_error_ struct shift_error why = SHIFT_ERROR_INIT;
	_cleanup_free_ char *tree = NULL, *index = NULL, *text = NULL;
	char label[64], hex[DIGEST_HEX + 1];
	size_t len;
	int r;

	snprintf(label, sizeof(label), "layer %.12s", layer->diff_id);
	if ((r = store_layer_path(store, layer, "tree", &tree, err)) < 0 ||
	    (r = store_layer_path(store, layer, "index", &index, err)) < 0)
		return r;
	if (read_file(index, INDEX_MAX, &text, &len, &why) < 0)
		return strv_addf(findings, err, "%s: %s", label,
				 shift_err_text(&why));
	r = digest_buf(text, len, hex, err);
	if (r >= 0 && strcmp(hex, layer->index))
		r = strv_addf(findings, err, "%s: %s changed: what it says of the tree cannot be trusted",
			      label, index);
	if (r < 0)
		return r;
	if (tree_verify(tree, index, label, progress, findings, &why) < 0)
		return strv_addf(findings, err, "%s: %s", label,
				 shift_err_text(&why));
	return 0;
}

/* Each layer lies where its chain, by the config, says. */
static int verify_chain(const struct store_image *image,
			const struct oci_image *config, struct strv *findings,
			struct shift_error *err)
{
	char chain[DIGEST_HEX + 1];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < image->n_layers; i++) {
		const struct store_layer *l = &image->layers[i];

		if (l->old)
			return strv_addf(findings, err,
					 "image %.12s: an older runner imported it, and other images may have decided owners and modes of its directories: remove it and import it again",
					 image->id);
		r = store_chain(i ? chain : NULL, config->diff_ids.v[i], chain, err);
		if (r >= 0 && strcmp(chain, l->key))
			return strv_addf(findings, err,
					 "image %.12s: its record has a layer of another chain, %.12s, in the place of %.12s",
					 image->id, l->key, chain);
	}
	return r;
}

static int verify_config(const struct store *store,
			 const struct store_image *image,
			 struct strv *findings, struct shift_error *err)
{
	_cleanup_error_ struct shift_error why = SHIFT_ERROR_INIT;
	struct oci_image config = { 0 };
	bool same;
	int r = 0;

	if (store_config(store, image->id, &config, &why) < 0) {
		r = strv_add(findings, shift_err_text(&why), err);
	} else {
		same = config.diff_ids.n == image->n_layers;
		for (size_t i = 0; same && i < image->n_layers; i++)
			same = !strcmp(config.diff_ids.v[i],
				       image->layers[i].diff_id);
		if (!same)
			r = strv_addf(findings, err,
				      "image %.12s: its record names other layers than its config",
				      image->id);
		else
			r = verify_chain(image, &config, findings, err);
	}
	oci_image_clear(&config);
	return r;
}

int store_verify(const struct store *store, const struct store_image *image,
		 struct progress *progress, struct strv *findings,
		 struct shift_error *err)
{
	uint64_t total = 0;
	char what[32];
	int r;

	for (size_t i = 0; i < image->n_layers; i++)
		total += image->layers[i].bytes;
	snprintf(what, sizeof(what), "verifying %.12s", image->id);
	progress_begin(progress, what, total);
	r = verify_config(store, image, findings, err);
	for (size_t i = 0; r >= 0 && i < image->n_layers; i++)
		r = verify_layer(store, &image->layers[i], progress, findings,
				 err);
	progress_end(progress);
	return r;
}
