/*
 * What is asked for debug information that no file here has.
 */
#include <stdlib.h>

#include "elfscan/image_parts.h"

/* Apart from the image, which is constant for those who read it. */
struct hi_fetching {
	hi_image_fetch *fetch;
	bool done;
	char *path;
};

int hi_image_set_fetch(struct hi_image *image, hi_image_fetch *fetch,
		       struct hi_err *err)
{
	struct hi_fetching *fetching = calloc(1, sizeof(*fetching));

	if (!fetching)
		return hi_fail(err, HI_E_NOMEM, "no memory for %s",
			       image->name);
	fetching->fetch = fetch;
	hi_fetching_free(image->fetching);
	image->fetching = fetching;
	return 0;
}

const char *hi_image_find_fetched(const struct hi_image *image)
{
	struct hi_fetching *fetching = image->fetching;

	if (!fetching || !image->header.build_id_len)
		return NULL;
	if (!fetching->done)
		fetching->path = fetching->fetch(image->header.build_id,
						 image->header.build_id_len);
	fetching->done = true;
	return fetching->path;
}

void hi_fetching_free(struct hi_fetching *fetching)
{
	if (!fetching)
		return;
	free(fetching->path);
	free(fetching);
}
