/* A dynamic module of nginx: a handler of content. */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static long n_calls;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static ngx_int_t handle(ngx_http_request_t *request)
{
	ngx_buf_t *buffer = ngx_create_temp_buf(request->pool, 200);
	ngx_chain_t out = { buffer, NULL };
	ngx_int_t code;

	if (!buffer)
		return NGX_HTTP_INTERNAL_SERVER_ERROR;
	/* the other client asks for "/busy" */
	if (request->uri.len == 1) {
		n_calls++;
		n_on_thread++;
	}
#if BUILD >= 3
	buffer->last = ngx_sprintf(buffer->last,
				   "answer=%d calls=%l thread=%l twice=%l\n",
				   BUILD, n_calls, n_on_thread, twice(n_calls));
#else
	buffer->last = ngx_sprintf(buffer->last,
				   "answer=%d calls=%l thread=%l\n", BUILD,
				   n_calls, n_on_thread);
#endif
	buffer->last_buf = 1;
	request->headers_out.status = NGX_HTTP_OK;
	request->headers_out.content_length_n = buffer->last - buffer->pos;
	code = ngx_http_send_header(request);
	if (code == NGX_ERROR || code > NGX_OK)
		return code;
	return ngx_http_output_filter(request, &out);
}

static char *set(ngx_conf_t *conf, ngx_command_t *command, void *context)
{
	ngx_http_core_loc_conf_t *core =
		ngx_http_conf_get_module_loc_conf(conf, ngx_http_core_module);

	(void)command;
	(void)context;
	core->handler = handle;
	return NGX_CONF_OK;
}

static ngx_command_t commands[] = {
	{ ngx_string("answer"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set, 0, 0,
	  NULL },
	ngx_null_command,
};

static ngx_http_module_t context;

ngx_module_t worker = {
	NGX_MODULE_V1, &context, commands, NGX_HTTP_MODULE,
	NULL,          NULL,     NULL,     NULL,
	NULL,          NULL,     NULL,     NGX_MODULE_V1_PADDING,
};

ngx_module_t *ngx_modules[] = { &worker, NULL };
char *ngx_module_names[] = { "worker", NULL };
char *ngx_module_order[] = { NULL };
