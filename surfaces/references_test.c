/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/surface.h>

#include <stdio.h>
#include <string.h>

#include "test.h"

static weir_status
parse_by(const struct weir_urls *urls, const char *path, const char *body,
         struct weir_request *request, struct weir_error *err)
{
    static char memory[4096];
    struct weir_arena arena;
    struct weir_surface_route route;
    assert_ok(weir_surface_route(
        WEIR_SPAN("POST"), weir_span_of(path),
        strstr(path, ":stream") != NULL ? WEIR_SPAN("alt=sse") : WEIR_SPAN_NONE,
        &route, NULL));
    weir_arena_init(&arena, memory, sizeof memory);
    route.urls = urls;
    return weir_surface_parse(&route, weir_span_of(body), &arena, request, err);
}

static weir_status
parse(const char *path, const char *body, struct weir_request *request,
      struct weir_error *err)
{
    return parse_by(NULL, path, body, request, err);
}

static const char chat[] = "/v1/chat/completions";
static const char responses[] = "/v1/responses";
static const char messages[] = "/v1/messages";
static const char gemini[] = "/v1beta/models/m:generateContent";
static const char converse[] = "/model/m/converse";

/* clang-format off */
static const struct {
    const char *path;
    const char *body;
    const char *param;
} refused[] = {
    {gemini, "{'contents':[{'parts':[{'fileData':{'fileUri':'files/a'}}]}]}", "fileUri"},
    {gemini, "{'contents':[{'parts':[{'text':'x'},{'file_data':{'file_uri':'gs://b/o'}}]}]}", "file_uri"},
    {gemini, "{'contents':{'parts':{'fileData':{'fileUri':'gs://b/o'}}}}", "fileUri"},
    {gemini, "{'contents':[{'parts':[{'fileData':{'fileUri':'https://a.example/x'},'fileData':{'fileUri':'files/a'}}]}]}", "fileUri"},
    {gemini, "{'contents':[{'parts':[{'fileData':{'fileUri':'https://a.example/x'}},{'fileData':{'fileUri':'files/a'}}]}]}", "fileUri"},
    {gemini, "{'contents':[{'parts':[{'f\\u0069leData':{'fileUri':'files/a'}}]}]}", "fileUri"},
    {gemini, "{'contents':[{'parts':[{'functionResponse':{'name':'f','parts':[{'fileData':{'fileUri':'files/a'}}]}}]}]}", "fileUri"},
    {gemini, "{'contents':[],'systemInstruction':{'parts':[{'fileData':{'fileUri':'files/a'}}]}}", "fileUri"},
    {gemini, "{'contents':[],'cachedContent':'cachedContents/a'}", "cachedContent"},
    {gemini, "{'contents':[],'cached_content':'cachedContents/a'}", "cached_content"},
    {gemini, "{'contents':[],'tools':[{'fileSearch':{'fileSearchStoreNames':['a']}}]}", "fileSearch"},
    {gemini, "{'contents':[],'tools':{'retrieval':{'vertexAiSearch':{'datastore':'a'}}}}", "retrieval"},
    {"/v1beta/models/m:streamGenerateContent", "{'contents':[{'parts':[{'fileData':{'fileUri':'files/a'}}]}]}", "fileUri"},
    {"/v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent", "{'contents':{'parts':{'fileData':{'fileUri':'gs://b/o'}}}}", "fileUri"},
    {"/v1beta/models/m:countTokens", "{'generateContentRequest':{'contents':[{'parts':[{'fileData':{'fileUri':'files/a'}}]}]}}", "fileUri"},
    {"/v1beta/models/m:countTokens", "{'generateContentRequest':{'cachedContent':'cachedContents/a'}}", "cachedContent"},
    {"/v1beta/models/m:embedContent", "{'content':{'parts':[{'fileData':{'fileUri':'files/a'}}]}}", "fileUri"},
    {"/v1beta/models/m:batchEmbedContents", "{'requests':[{'content':{'parts':[{'fileData':{'fileUri':'files/a'}}]}}]}", "fileUri"},
    {converse, "{'messages':[{'content':[{'image':{'source':{'s3Location':{'uri':'s3://b/o'}}}}]}]}", "s3Location"},
    {converse, "{'messages':[{'content':[{'text':'x'},{'document':{'source':{'s3Location':{'uri':'s3://b/o'}}}}]}]}", "s3Location"},
    {"/model/m/converse-stream", "{'messages':[{'content':[{'video':{'source':{'s3Location':{'uri':'s3://b/o'}}}}]}]}", "s3Location"},
    {converse, "{'messages':[{'content':[{'toolResult':{'content':[{'video':{'source':{'s3Location':{}}}}]}}]}]}", "s3Location"},
    {"/model/m/count-tokens", "{'input':{'converse':{'messages':[{'content':[{'image':{'source':{'s3Location':{}}}}]}]}}}", "s3Location"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'container_upload','file_id':'file_1'}]}]}", "file_id"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'document','source':{'type':'content','content':[{'source':{'file_id':'file_1'}}]}}]}]}", "file_id"},
    {messages, "{'model':'m','messages':[],'container':'container_1'}", "container"},
    {messages, "{'model':'m','messages':[],'mcp_servers':[{'type':'url','url':'https://t.example'}]}", "mcp_servers"},
    {"/model/m/invoke", "{'anthropic_version':'bedrock-2023-05-31','max_tokens':9,'messages':[],'mcp_servers':{}}", "mcp_servers"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'mcp','server_url':'https://t.example'}]}", "server_url"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'mcp','connectorId':'c'}]}", "connectorId"},
    {responses, "{'model':'m','input':[{'type':'additional_tools','tools':[{'type':'mcp','server_url':'https://t.example'}]}]}", "server_url"},
    {gemini, "{'contents':[],'tools':[{'mcpServers':[{'name':'t'}]}]}", "mcpServers"},
    {messages, "{'model':'m','messages':[],'container':{'skills':[],'id':'container_1'}}", "id"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'image','source':{'type':'url','url':'gs://b/o'}}]}]}", "url"},
    {"/model/m/invoke", "{'anthropic_version':'bedrock-2023-05-31','max_tokens':9,'messages':[{'content':[{'type':'container_upload','file_id':'file_1'}]}]}", "file_id"},
    {"/model/m/invoke-with-response-stream", "{'anthropic_version':'bedrock-2023-05-31','max_tokens':9,'messages':[{'content':[{'type':'image','source':{'url':'s3://b/o'}}]}]}", "url"},
    {responses, "{'model':'m','input':[{'type':'function_call_output','output':[{'type':'input_file','file_id':7}]}]}", "file_id"},
    {responses, "{'model':'m','input':[{'content':[{'type':'input_file','file_id':'file\\u002d1'}]}]}", "file_id"},
    {responses, "{'model':'m','input':[{'content':[{'type':'input_file','fileId':'file-1'}]}]}", "fileId"},
    {responses, "{'model':'m','input':[{'content':[{'file':{'file_id':'file-1'}}]}]}", "file_id"},
    {chat, "{'model':'m','messages':[{'content':[{'type':'file','file_id':'file-1'}]}]}", "file_id"},
    {chat, "{'model':'m','messages':[{'content':[{'type':'file','file':{'file_id':['file-1']}}]}]}", "file_id"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'code_interpreter','container':'cntr_1'}]}", "container"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'shell','environment':{'container_id':'cntr_1'}}]}", "container_id"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'image_generation','input_image_mask':{'file_id':'file-1'}}]}", "file_id"},
    {responses, "{'model':'m','input':'x','prompt':{'id':'p','variables':{'any':{'type':'input_file','file_id':'file-1'}}}}", "file_id"},
    {responses, "{'model':'m','input':[{'content':[{'type':'input_file','file_url':'gs://b/o'}]}]}", "file_url"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':{'url':'gs://b/o'}}]}]}", "url"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':'files/a'}]}]}", "image_url"},
    {chat, "{'model':'m','messages':[{'content':[{'video_url':{'url':'file:///x'}}]}]}", "url"},
};

static const struct {
    const char *path;
    const char *body;
} passed[] = {
    {gemini, "{'contents':[{'parts':[{'fileData':{'mimeType':'image/png','fileUri':'https://a.example/x.png'}}]}]}"},
    {gemini, "{'contents':[{'parts':[{'text':'\\u00e9 fileUri files/a gs://b'}]}],'cachedContent':null}"},
    {gemini, "{'contents':[{'parts':[{'functionCall':{'name':'f','args':{'fileData':{'fileUri':'files/a'},'cachedContent':'x'}}}]}]}"},
    {gemini, "{'contents':[],'tools':[{'functionDeclarations':[{'name':'f','parameters':{'properties':{'retrieval':{},'fileSearch':{}}}}]}]}"},
    {converse, "{'messages':[{'content':[{'toolUse':{'toolUseId':'a','name':'f','input':{'s3Location':'x'}}}]}]}"},
    {messages, "{'model':'m','messages':[],'mcp_servers':[],'tools':[{'input_schema':{'mcp_servers':1}}]}"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'tool_use','input':{'file_id':'x','source':{'file_id':'y'}}}]}]}"},
    {messages, "{'model':'m','messages':[{'content':[{'content':{'content':[{'type':'bash_code_execution_output','file_id':'f'}]}}]}],'container':{'skills':[]}}"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'image','source':{'type':'url','url':'https://a.example/x'}}]}]}"},
    {responses, "{'model':'m','input':[{'type':'code_interpreter_call','container_id':'cntr_1'},{'content':[{'type':'output_text','annotations':[{'file_id':'f'}]}]}]}"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'code_interpreter','container':{'type':'auto'}},{'type':'function','parameters':{'properties':{'file_id':{}}}}]}"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':{'url':'data:image\\/png;base64,aGk='}}]}]}"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':{'url':'HTTP:\\/\\/a.example:81/x?y'}}]}]}"},
};

static const struct {
    const char *address;
    bool is_public;
} addresses[] = {
    {"https://a.example/files/x", true},
    {"https://[2001:db8::1]:8443/x", true},
    {"https://www.youtube.com/watch?v=x", true},
    {"https://storage.googleapis.com/bucket/x.png", true},
    {"https://notgoogle.example/?u=googleapis.com", true},
    {"https://generativelanguage.googleapis.com/v1beta/files/x", false},
    {"HTTPS://GenerativeLanguage.GoogleAPIs.com./v1beta/files/x", false},
    {"https://generativelanguage.googleapis.com:443/v1beta/files/x", false},
    {"https://a.example@generativelanguage.googleapis.com/v1/files/x", false},
    {"https://generativelanguage%2egoogleapis.com/v1/files/x", false},
    {"https://googleapis.com?x", false},
    {"https://googleapis.com#x", false},
    {"https://us-aiplatform.googleapis.com/x", false},
    {"https://storage.cloud.google.com/bucket/x", false},
    {"https:///generativelanguage.googleapis.com/v1/files/x", false},
    {"https:\\\\\\\\generativelanguage.googleapis.com/x", false},
    {"https:/generativelanguage.googleapis.com/x", false},
    {" https://a.example/", false},
    {"https://...", false},
    {"https://", false},
    {"files/x", false},
    {"gs://b/o", false},
    {"", false},
};

/* `X` is a host; `param`: what is refused where no address may be named. */
static const struct {
    const char *path;
    const char *body;
    const char *param;
} addressed[] = {
    {chat, "{'model':'m','messages':[{'content':[{'type':'image_url','image_url':{'url':'https://X/a.png'}}]}]}", "url"},
    {chat, "{'model':'m','messages':[{'content':[{'type':'image_url','image_url':'https://X:8443/a.png'}]}]}", "image_url"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':{'url':'HTTPS:\\/\\/X.\\/a.png'}}]}]}", "url"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':['https://X/a.png']}]}]}", "image_url"},
    {chat, "{'model':'m','messages':[{'content':[{'im\\u0061ge_url':{'url':'https://X/a.png'}}]}]}", "url"},
    {chat, "{'model':'m','messages':[{'content':[{'type':'video_url','video_url':{'url':'http://X'}}]}]}", "url"},
    {responses, "{'model':'m','input':[{'content':[{'type':'input_image','image_url':'https://X/a.png'}]}]}", "image_url"},
    {responses, "{'model':'m','input':[{'content':[{'type':'input_file','file_url':'https://X/a.pdf?q#f'}]}]}", "file_url"},
    {responses, "{'model':'m','input':[{'type':'function_call_output','output':[{'type':'input_image','image_url':'https://X/'}]}]}", "image_url"},
    {responses, "{'model':'m','input':'x','tools':[{'type':'image_generation','input_image_mask':{'image_url':'https://X/a'}}]}", "image_url"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'image','source':{'type':'url','url':'https://X/a'}}]}]}", "url"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'tool_result','content':[{'type':'document','source':{'type':'url','url':'https://X/a'}}]}]}]}", "url"},
    {"/v1/messages/count_tokens", "{'model':'m','messages':[{'content':[{'source':{'url':'https://X/a'}}]}]}", "url"},
    {"/model/m/invoke", "{'anthropic_version':'bedrock-2023-05-31','max_tokens':9,'messages':[{'content':[{'type':'image','source':{'url':'https://X/a'}}]}]}", "url"},
    {gemini, "{'contents':[{'parts':[{'fileData':{'fileUri':'https://X/a.png'}}]}]}", "fileUri"},
    {gemini, "{'contents':{'parts':{'file_data':{'file_uri':'https://X/a.png'}}}}", "file_uri"},
    {"/v1beta/models/m:batchEmbedContents", "{'requests':[{'content':{'parts':[{'fileData':{'fileUri':'https://X/a'}}]}}]}", "fileUri"},
    {"/v1/images/generations", "{'model':'m','prompt':'p','image':['https://X/a.png']}", "image"},
    {"/v1/moderations", "{'model':'m','input':[{'type':'image_url','image_url':{'url':'https://X/a'}}]}", "url"},
    {"/v2/embed", "{'model':'m','inputs':[{'content':[{'type':'image_url','image_url':{'url':'https://X/a'}}]}]}", "url"},
};
/* Tools that read whatever address a text has: with any restriction. */
static const struct {
    const char *path;
    const char *body;
    const char *param;
} fetching[] = {
    {gemini, "{'contents':[],'tools':[{'urlContext':{}}]}", "urlContext"},
    {gemini, "{'contents':[],'tools':[{'url_context':{}}]}", "url_context"},
    {messages, "{'model':'m','messages':[],'tools':[{'type':'web_fetch_20250910','name':'web_fetch'}]}", "type"},
    {messages, "{'model':'m','messages':[],'tools':[{'type':'w\\u0065b_fetch_20250910','name':'web_fetch'}]}", "type"},
};
static const struct {
    const char *path;
    const char *body;
} bytes[] = {
    {chat, "{'model':'m','messages':[{'content':'https://x.example/ is a page'}]}"},
    {chat, "{'model':'m','messages':[{'content':[{'image_url':{'url':'data:image/png;base64,aGk='}}]}]}"},
    {chat, "{'model':'m','messages':[],'tools':[{'function':{'name':'f','parameters':{'properties':{'image_url':{'default':'https://x.example'}}}}}]}"},
    {messages, "{'model':'m','messages':[{'content':[{'source':{'type':'base64','data':'aGk='}}]}],'tools':[{'type':'custom','name':'f','input_schema':{'type':'object'}},{'type':'web_search_20250305','name':'web_search'}]}"},
    {messages, "{'model':'m','messages':[{'content':[{'type':'tool_use','input':{'url':'https://x.example','source':{'url':'https://x.example'}}}]}]}"},
    {gemini, "{'contents':[{'parts':[{'inlineData':{'data':'aGk='}}]}],'tools':[{'functionDeclarations':[{'name':'urlContext'}]}]}"},
    {converse, "{'messages':[{'content':[{'image':{'source':{'bytes':'aGk='}}}]}]}"},
    {"/v1/images/generations", "{'model':'m','prompt':'p','image':'data:image/png;base64,aGk='}"},
};

static const struct {
    const char *host;
    bool is_let;
} hosts[] = {
    {"pictures.example", true},       {"a.pictures.example", true},
    {"A.B.Pictures.Example", true},   {"192.0.2.7", true},
    {"pictures.example:8443", true},  {"notpictures.example", false},
    {"pictures.example.net", false},  {"example", false},
    {"1.192.0.2.7.example", false},   {"192.0.2.70", false},
    {"[2001:db8::1]", false},         {"pictures.example_", false},
};
/* clang-format on */

/* Rows are written with ' for ". */
static const char *
quoted(const char *text)
{
    static char body[1024];
    snprintf(body, sizeof body, "%s", text);
    for (char *at = body; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    return body;
}

TEST(references, what_lies_at_an_origin_is_refused_by_its_name)
{
    for (size_t i = 0; i < WEIR_COUNTOF(refused); i++) {
        struct weir_request request = {0};
        struct weir_error err = {0};
        weir_status status =
            parse(refused[i].path, quoted(refused[i].body), &request, &err);
        if (status != WEIR_ETYPE)
            print_error("%s %s: %s\n", refused[i].path, refused[i].body,
                        err.text);
        assert_int_equal(status, WEIR_ETYPE);
        assert_true(
            weir_span_equal(request.param, weir_span_of(refused[i].param)));
        assert_non_null(strstr(err.text, refused[i].param));
    }
}

TEST(references, arguments_schemas_answers_and_addresses_pass)
{
    for (size_t i = 0; i < WEIR_COUNTOF(passed); i++) {
        struct weir_request request = {0};
        struct weir_error err = {0};
        weir_status status =
            parse(passed[i].path, quoted(passed[i].body), &request, &err);
        if (status != WEIR_OK)
            print_error("%s: %s\n", passed[i].body, err.text);
        assert_ok(status);
    }
}

TEST(references, an_address_is_public_or_no_address)
{
    for (size_t i = 0; i < WEIR_COUNTOF(addresses); i++) {
        struct weir_request request = {0};
        struct weir_error err = {0};
        char body[512];
        snprintf(body, sizeof body,
                 "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":"
                 "\"%s\"}}]}]}",
                 addresses[i].address);
        weir_status status = parse(gemini, body, &request, &err);
        if ((status == WEIR_OK) != addresses[i].is_public)
            print_error("%s\n", addresses[i].address);
        assert_int_equal(status, addresses[i].is_public ? WEIR_OK : WEIR_ETYPE);
    }
}

/* The row's body, with `host` for X. */
static const char *
naming(const char *body, const char *host)
{
    static char text[1024];
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, text, sizeof text - 1);
    for (const char *at = quoted(body); *at != '\0'; at++) {
        if (*at == 'X')
            weir_buf_add(&buf, host, strlen(host));
        else
            weir_buf_add_byte(&buf, (uint8_t)*at);
    }
    text[buf.len] = '\0';
    return text;
}

static void
expect(const struct weir_urls *urls, const char *path, const char *body,
       const char *param)
{
    struct weir_request request = {0};
    struct weir_error err = {0};
    weir_status wanted = param == NULL ? WEIR_OK : WEIR_EDENIED;
    weir_status status = parse_by(urls, path, body, &request, &err);
    if (status != wanted)
        print_error("%s %s: %d %s\n", path, body, status, err.text);
    assert_int_equal(status, wanted);
    if (param == NULL)
        return;
    assert_true(weir_span_equal(request.param, weir_span_of(param)) ||
                request.param.len == 0);
    assert_non_null(strstr(err.text, param));
    assert_non_null(strstr(err.text, "operator"));
}

TEST(references, addresses_pass_as_far_as_the_operator_lets_them)
{
    static const struct weir_urls any = {.mode = WEIR_URLS_ANY};
    static const struct weir_urls none = {.mode = WEIR_URLS_NONE};
    const struct weir_urls some = {
        .mode = WEIR_URLS_HOSTS,
        .hosts = WEIR_SPAN("192.0.2.7\npictures.example\n")};
    for (size_t i = 0; i < WEIR_COUNTOF(addressed); i++) {
        const char *path = addressed[i].path, *param = addressed[i].param;
        const char *in = naming(addressed[i].body, "a.pictures.example");
        expect(NULL, path, in, NULL);
        expect(&any, path, in, NULL);
        expect(&some, path, in, NULL);
        expect(&none, path, in, param);
        expect(&some, path, naming(addressed[i].body, "b.example"), param);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(fetching); i++) {
        const char *body = quoted(fetching[i].body);
        expect(&any, fetching[i].path, body, NULL);
        expect(&some, fetching[i].path, body, fetching[i].param);
        expect(&none, fetching[i].path, body, fetching[i].param);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(bytes); i++)
        expect(&none, bytes[i].path, quoted(bytes[i].body), NULL);
    for (size_t i = 0; i < WEIR_COUNTOF(hosts); i++)
        expect(&some, gemini, naming(addressed[14].body, hosts[i].host),
               hosts[i].is_let ? NULL : "fileUri");
}

TEST(references, names_with_escapes_end_no_walk)
{
    static char body[64 << 10];
    size_t at = (size_t)snprintf(body, sizeof body, "{\"contents\":[{");
    struct weir_request request = {0};
    struct weir_error err = {0};
    for (unsigned i = 0; i < 1000; i++)
        at += (size_t)snprintf(body + at, sizeof body - at, "\"\\u00e9%u\":%u,",
                               i, i);
    snprintf(body + at, sizeof body - at,
             "\"parts\":[{\"fileData\":{\"fileUri\":\"files/a\"}}]}]}");
    assert_int_equal(parse(gemini, body, &request, &err), WEIR_ETYPE);
    assert_span(request.param, "fileUri");
}

TEST(references, a_form_is_no_text_to_walk)
{
    struct weir_request request = {0};
    struct weir_error err = {0};
    assert_ok(parse("/v1/images/edits",
                    "--b\r\nContent-Disposition: form-data; name=\"model\""
                    "\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; "
                    "name=\"prompt\"\r\n\r\nan image_url \\u00e9\r\n"
                    "--b--\r\n",
                    &request, &err));
}

/* clang-format off */
static const struct {
    const char *path;
    const char *body;
    const char *names; /* in order */
} named[] = {
    {chat, "{'model':'m','messages':[{'content':[{'type':'text','text':'x'},{'type':'file','file':{'file_id':'file-1'}}]},{'content':[{'type':'file','file':{'file_id':'file-2'}}]}]}", "'file-1''file-2'"},
    {chat, "{'model':'m','messages':[{'content':[{'type':'file','file':{'file_id':'file-1','file_id':'file-2'}}]}]}", "'file-1''file-2'"},
    {chat, "{'model':'m','messages':[{'content':[{'type':'file','file':{'file_id':null}}]}]}", ""},
    {responses, "{'model':'m','input':[{'content':[{'type':'input_file','file_id':'file-1'},{'type':'input_image','file_id':'file-2'}]}]}", "'file-1''file-2'"},
    {responses, "{'model':'m','input':[{'type':'function_call_output','output':[{'type':'input_file','file_id':'file-1'}]}]}", "'file-1'"},
    {responses, "{'model':'m','input':[{'content':'file_id'}],'tools':[{'type':'function','name':'f','parameters':{'file_id':'no'}}]}", ""},
};
/* clang-format on */

struct gathered {
    char text[256];
    const struct weir_request *request;
    uint32_t count, most;
};

static bool
gather(void *context, weir_span raw)
{
    struct gathered *gathered = context;
    assert_true(raw.ptr > gathered->request->body.ptr &&
                raw.ptr + raw.len <=
                    gathered->request->body.ptr + gathered->request->body.len);
    strncat(gathered->text, raw.ptr, raw.len);
    return ++gathered->count < gathered->most;
}

TEST(references, names_of_files_are_counted_and_given_in_their_order)
{
    for (size_t i = 0; i < WEIR_COUNTOF(named); i++) {
        struct weir_request request;
        struct weir_error err = {0};
        struct gathered gathered = {.request = &request, .most = UINT32_MAX};
        assert_ok(parse(named[i].path, quoted(named[i].body), &request, &err));
        assert_true(weir_surface_files(&request, gather, &gathered));
        for (char *at = gathered.text; *at != '\0'; at++)
            *at = *at == '"' ? '\'' : *at;
        assert_string_equal(gathered.text, named[i].names);
        assert_int_equal(gathered.count, request.file_count);
        gathered = (struct gathered){.request = &request, .most = 1};
        assert_int_equal(weir_surface_files(&request, gather, &gathered),
                         request.file_count == 0);
    }
}
