# IMEX_CFLAG(FLAG): adds FLAG to STRICT_CFLAGS where the compiler takes it.
AC_DEFUN([IMEX_CFLAG],[
	AC_REQUIRE([AC_PROG_CC])
	AS_VAR_PUSHDEF([cache],[imex_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC accepts $1],[cache],[
		imex_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([],[])],[AS_VAR_SET([cache],[yes])],[AS_VAR_SET([cache],[no])])
		CFLAGS=$imex_save_CFLAGS])
	AS_VAR_IF([cache],[yes],[STRICT_CFLAGS="$STRICT_CFLAGS $1"])
	AS_VAR_POPDEF([cache])
	AC_SUBST([STRICT_CFLAGS])
])
