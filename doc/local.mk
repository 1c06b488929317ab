dist_man_MANS += doc/imex.1 doc/imex.conf.5 doc/imexd.8 doc/imex-ingest.5
