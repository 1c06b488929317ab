noinst_LIBRARIES += libimex-model.a
libimex_model_a_SOURCES = \
	src/model/contact.c src/model/contact.h \
	src/model/contact_card.c src/model/contact_card.h \
	src/model/mailbox.c src/model/mailbox.h \
	src/model/message.c src/model/message.h \
	src/model/partner.c src/model/partner.h
