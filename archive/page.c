#include "archive/page.h"

#include "archive/text.h"
#include "core/digest.h"

#include <pthread.h>

/*
 * Plain rules first, for mail readers that know little CSS; grid and dark colours come on top. The
 * eight name colours have a contrast of at least 4.5 to their background in both schemes.
 */
static const char style[] =
        "body{margin:0;background:#f4f5f7;color:#1c2024;"
        "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}"
        "main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 3rem}"
        "h1{font-size:1.45rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}"
        "h2{font-size:.8rem;font-weight:600;color:#5b6570;text-align:center;margin:1.8rem 0 .8rem}"
        "h3{font-size:1rem;margin:0 0 .1rem;overflow-wrap:anywhere}"
        "a{color:#0b5cad}"
        ".span,.addr,time,.note,.event,footer{color:#5b6570}"
        ".span{margin:0 0 .8rem}"
        ".people{list-style:none;margin:0;padding:0;font-size:.9rem}"
        ".people li{margin:.1rem 0;overflow-wrap:anywhere}"
        ".people b{font-weight:600}"
        ".turn{background:#fff;border-left:4px solid #8a949e;border-radius:4px;"
        "padding:.6rem .9rem;margin:.6rem 0}"
        ".msg{margin:.15rem 0}"
        "time{font-size:.75rem;font-variant-numeric:tabular-nums;white-space:nowrap}"
        ".line{white-space:pre-wrap;overflow-wrap:anywhere}"
        ".note,.event{font-size:.85rem}"
        ".hash{font-family:ui-monospace,monospace;font-size:.72rem;overflow-wrap:anywhere}"
        ".event{margin:.5rem 0;padding:0 .9rem;overflow-wrap:anywhere}"
        ".old{border-left:2px solid #c3cad1;padding-left:.6rem;margin:.2rem 0;color:#5b6570}"
        ".old .line{text-decoration:line-through}"
        ".gone{font-style:italic;color:#5b6570}"
        ".lock{font-style:italic}"
        ".rx span{display:inline-block;border:1px solid #c3cad1;border-radius:1rem;"
        "padding:0 .55rem;margin:.2rem .3rem 0 0;font-size:.85rem}"
        "footer{font-size:.8rem;margin-top:2rem;border-top:1px solid #d5dae0;padding-top:.8rem;"
        "overflow-wrap:anywhere}"
        "footer p{margin:.25rem 0}"
        ".list{list-style:none;margin:0;padding:0}"
        ".list li{background:#fff;border-radius:4px;padding:.6rem .9rem;margin:.5rem 0;"
        "overflow-wrap:anywhere}"
        ".list a{font-weight:600;text-decoration:none}"
        ".list a:hover{text-decoration:underline}"
        ".n0{color:#0b5cad}.n1{color:#a3340c}.n2{color:#1f6f33}.n3{color:#7a3ba8}"
        ".n4{color:#8a5a00}.n5{color:#a61e5b}.n6{color:#0a6a70}.n7{color:#55524c}"
        ".t0{border-color:#0b5cad}.t1{border-color:#d1521f}.t2{border-color:#2f9147}"
        ".t3{border-color:#9a5bc9}.t4{border-color:#c28a1a}.t5{border-color:#cf3f7d}"
        ".t6{border-color:#169098}.t7{border-color:#8a8680}"
        "@supports(display:grid){.msg{display:grid;grid-template-columns:minmax(0,1fr) auto;"
        "column-gap:.9rem;align-items:baseline}.msg>time{grid-column:2;grid-row:1}"
        ".msg>.body{grid-column:1;grid-row:1;min-width:0}}"
        "@media(prefers-color-scheme:dark){"
        "body{background:#14171a;color:#e4e7ea}a{color:#7cb7f2}"
        ".turn,.list li{background:#1e2327}"
        "h2,.span,.addr,time,.note,.event,footer,.old,.gone{color:#9aa5b0}"
        ".old,.rx span{border-color:#46505a}footer{border-color:#333b43}"
        ".n0{color:#7cb7f2}.n1{color:#f2976f}.n2{color:#7fcf93}.n3{color:#c9a1ea}"
        ".n4{color:#e3b961}.n5{color:#f08bb4}.n6{color:#6fcdd3}.n7{color:#bab6ae}}"
        "@media print{body{background:#fff}main{max-width:none;padding:0}"
        ".turn{break-inside:avoid;border-radius:0}}";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char *style_hash;

static void hash_style(void)
{
	struct digest *digest = digest_begin();
	unsigned char raw[DIGEST_BYTES];
	digest_add(digest, style, sizeof(style) - 1);
	digest_end_raw(digest, raw);
	style_hash = g_base64_encode(raw, sizeof(raw));
}

void page_begin(GString *out, const char *title)
{
	pthread_once(&once, hash_style);
	g_string_append_printf(out,
	        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	        "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
	        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	        "<meta name=\"color-scheme\" content=\"light dark\">\n"
	        "<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
	        style_hash);
	text_html(out, title);
	g_string_append(out, "</title>\n<style>");
	g_string_append_len(out, style, sizeof(style) - 1);
	g_string_append(out, "</style>\n</head>\n<body>\n<main>\n");
}

void page_end(GString *out)
{
	g_string_append(out, "</main>\n</body>\n</html>\n");
}
