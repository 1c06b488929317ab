/* The functions of the operations; each has a file op_*.c of its own. */
#ifndef DEVX_OPERATIONS_H
#define DEVX_OPERATIONS_H

#include "soap.h"

void op_get_folder(struct ctx *ctx);

#endif
