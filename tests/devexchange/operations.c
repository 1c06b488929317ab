/* The table of operations. */
#include "operations.h"

#include <string.h>

const struct operation operations[] = {
	{"GetFolder", op_get_folder, V2007, 0},
};

const size_t n_operations = G_N_ELEMENTS(operations);

const struct operation *operation_find(const char *name)
{
	for (size_t i = 0; i < n_operations; i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}
