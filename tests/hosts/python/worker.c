/*
 * An extension module: method table, module state and a type of its own, all
 * full of addresses of static functions.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct state {
	long n_asked;
};

static long n_calls;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static PyObject *answer(PyObject *module, PyObject *args)
{
	struct state *state = PyModule_GetState(module);

	(void)args;
	n_calls++;
	n_on_thread++;
	state->n_asked++;
#if BUILD >= 3
	return PyUnicode_FromFormat(
		"answer=%d calls=%ld thread=%ld module=%ld twice=%ld", BUILD,
		n_calls, n_on_thread, state->n_asked, twice(n_calls));
#else
	return PyUnicode_FromFormat("answer=%d calls=%ld thread=%ld module=%ld",
				    BUILD, n_calls, n_on_thread,
				    state->n_asked);
#endif
}

static PyObject *object_str(PyObject *self)
{
	(void)self;
	return PyUnicode_FromFormat("object=%d", BUILD);
}

static PyTypeObject object_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "worker.Object",
	.tp_basicsize = sizeof(PyObject),
	.tp_flags = Py_TPFLAGS_DEFAULT,
	.tp_new = PyType_GenericNew,
	.tp_str = object_str,
};

static PyMethodDef methods[] = {
	{ "answer", answer, METH_NOARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static int fill(PyObject *module)
{
	return PyModule_AddType(module, &object_type);
}

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, fill },
	{ 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "worker",
	.m_size = sizeof(struct state),
	.m_methods = methods,
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit_worker(void)
{
	return PyModuleDef_Init(&definition);
}
