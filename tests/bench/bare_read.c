/*
 * The floor under a client that reads: posts recorded requests over one kept-alive connection and
 * walks the answers with libxml2's SAX parser, nothing more.
 *
 *	bare_read URL CA USER:PASSWORD REQUEST-FILE...
 *
 * Prints how many bytes and elements came. The project's own layers are left out on purpose.
 */
#include <curl/curl.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>

struct walk {
	xmlParserCtxtPtr parser;
	unsigned long long bytes, elements, characters;
};

static void on_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
        int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
        const xmlChar **attributes)
{
	struct walk *walk = data;
	(void)name, (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces;
	(void)n_attributes, (void)n_defaulted, (void)attributes;
	walk->elements++;
}

static void on_characters(void *data, const xmlChar *text, int len)
{
	struct walk *walk = data;
	(void)text;
	walk->characters += (unsigned long long)len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
	struct walk *walk = data;
	size_t len = size * n;
	walk->bytes += len;
	return xmlParseChunk(walk->parser, bytes, (int)len, 0) == 0 ? len : 0;
}

static char *file_read(const char *path, long *len)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (*len = ftell(file)) < 0)
		return NULL;
	rewind(file);
	char *text = malloc((size_t)*len + 1);
	if (text == NULL || fread(text, 1, (size_t)*len, file) != (size_t)*len)
		return NULL;
	fclose(file);
	return text;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "bare_read: %s: %s\n", what, why);
	return 1;
}

static int post(CURL *curl, struct walk *walk, const char *path)
{
	static xmlSAXHandler handlers = {.initialized = XML_SAX2_MAGIC,
	        .startElementNs = on_start,
	        .characters = on_characters};
	long len = 0, status = 0;
	char *body = file_read(path, &len);
	if (body == NULL)
		return fail(path, "cannot be read");
	walk->parser = xmlCreatePushParserCtxt(&handlers, walk, NULL, 0, NULL);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	int bad = xmlParseChunk(walk->parser, NULL, 0, 1);
	xmlFreeParserCtxt(walk->parser);
	free(body);
	if (code != CURLE_OK)
		return fail(path, curl_easy_strerror(code));
	return status == 200 && bad == 0 ? 0 : fail(path, "no good answer");
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return fail("usage", "bare_read URL CA USER:PASSWORD REQUEST-FILE...");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	xmlInitParser();
	struct walk walk = {0};
	CURL *curl = curl_easy_init();
	struct curl_slist *headers =
	        curl_slist_append(NULL, "Content-Type: text/xml; charset=utf-8");
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
	curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
	curl_easy_setopt(curl, CURLOPT_USERPWD, argv[3]);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &walk);
	int failed = 0;
	for (int i = 4; i < argc && failed == 0; i++)
		failed = post(curl, &walk, argv[i]);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	printf("%llu bytes, %llu elements, %llu characters\n", walk.bytes, walk.elements,
	        walk.characters);
	return failed;
}
