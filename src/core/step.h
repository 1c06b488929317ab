/*
 * Named steps of the work that has to survive being killed at any of them.
 *
 * A program that finds IMEX_KILL_AT=NAME in its environment kills itself (SIGKILL) when it comes to
 * the step of that name; NAME:N when it comes there for the Nth time. tests/crash/test_steps.py
 * does so with every name in the tree. Otherwise a step costs a comparison. Any thread.
 */
#ifndef IMEX_CORE_STEP_H
#define IMEX_CORE_STEP_H

void step_reached(const char *name);

#endif
