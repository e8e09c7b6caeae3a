/* Native methods: one is found by its name, two are registered at the load. */
#include <jni.h>
#include <stdio.h>

static long n_calls;
static _Atomic long n_registered;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static jlong JNICALL count(JNIEnv *env, jclass class)
{
	(void)env;
	(void)class;
	return ++n_registered;
}

static jint JNICALL number(JNIEnv *env, jclass class)
{
	(void)env;
	(void)class;
	return BUILD;
}

JNIEXPORT jstring JNICALL Java_Host_answer(JNIEnv *env, jclass class)
{
	char text[200];

	(void)class;
	n_calls++;
	n_on_thread++;
#if BUILD >= 3
	snprintf(text, sizeof(text), "answer=%d calls=%ld thread=%ld twice=%ld",
		 BUILD, n_calls, n_on_thread, twice(n_calls));
#else
	snprintf(text, sizeof(text), "answer=%d calls=%ld thread=%ld", BUILD,
		 n_calls, n_on_thread);
#endif
	return (*env)->NewStringUTF(env, text);
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *machine, void *reserved)
{
	static const JNINativeMethod methods[] = {
		{ "count", "()J", (void *)count },
		{ "number", "()I", (void *)number },
	};
	JNIEnv *env;

	(void)reserved;
	if ((*machine)->GetEnv(machine, (void **)&env, JNI_VERSION_1_6) !=
	    JNI_OK)
		return JNI_ERR;
	(*env)->RegisterNatives(env, (*env)->FindClass(env, "Host"), methods,
				2);
	return JNI_VERSION_1_6;
}
