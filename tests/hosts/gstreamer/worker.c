/*
 * A GStreamer element: GObject keeps its functions in class structures on the
 * heap, and the streaming thread calls them.
 */
#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>
#include <stdio.h>

#define PACKAGE "worker"

typedef struct {
	GstBaseTransform parent;
	long n_buffers;
} Answer;

typedef struct {
	GstBaseTransformClass parent;
} AnswerClass;

GType answer_get_type(void);
G_DEFINE_TYPE(Answer, answer, GST_TYPE_BASE_TRANSFORM)

static long n_calls;
static __thread long n_on_thread;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
	"sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
	"src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static GstFlowReturn transform_ip(GstBaseTransform *base, GstBuffer *buffer)
{
	Answer *self = (Answer *)base;

	(void)buffer;
	n_calls++;
	n_on_thread++;
	self->n_buffers++;
#if BUILD >= 3
	printf("answer=%d calls=%ld thread=%ld object=%ld twice=%ld\n", BUILD,
	       n_calls, n_on_thread, self->n_buffers, twice(n_calls));
#else
	printf("answer=%d calls=%ld thread=%ld object=%ld\n", BUILD, n_calls,
	       n_on_thread, self->n_buffers);
#endif
	fflush(stdout);
	return GST_FLOW_OK;
}

static void answer_class_init(AnswerClass *class)
{
	GstElementClass *element = GST_ELEMENT_CLASS(class);

	gst_element_class_set_static_metadata(element, "Answer", "Filter",
					      "Says which build answers",
					      "hotinject");
	gst_element_class_add_static_pad_template(element, &sink_template);
	gst_element_class_add_static_pad_template(element, &src_template);
	GST_BASE_TRANSFORM_CLASS(class)->transform_ip = transform_ip;
}

static void answer_init(Answer *self)
{
	gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
	/* Also for buffers that nobody may write to. */
	gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static gboolean plugin_init(GstPlugin *plugin)
{
	return gst_element_register(plugin, "answer", GST_RANK_NONE,
				    answer_get_type());
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, worker,
		  "an element that answers", plugin_init, "1.0", "LGPL",
		  "hotinject", "https://example.org")
