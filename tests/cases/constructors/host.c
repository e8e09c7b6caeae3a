/* Tells the order in which the worker's constructors and destructors have run. */
#include <stdio.h>

int value(void);

static char notes[100];
static int n_notes;

void host_note(char what)
{
	if (n_notes + 1 < (int)sizeof(notes))
		notes[n_notes++] = what;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		printf("value=%d notes=%s\n", value(), notes);
		fflush(stdout);
	}
	return 0;
}
