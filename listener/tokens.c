#include "listener/tokens.h"

#include "common/digest.h"
#include "common/memory.h"
#include "listener/dictionary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/*
 * No token is kept: a line is remembered as the digest of a key that only this process knows, the
 * node and the token.  What a datagram says is digested in the same way and compared with all
 * lines, each to its last byte, whether one has matched already or not.  So the time depends on the
 * number of lines and the size of what was said, and tells nothing of how much of it was right, or
 * of which line.
 */
#define KEY_SIZE    32
#define DIGEST_SIZE (DIGEST_TEXT_SIZE - 1)
#define NODE_MAX    253 /* a DNS subdomain */

struct tokens {
    unsigned char key[KEY_SIZE];
    size_t count;
    char digests[][DIGEST_SIZE];
};

static void digest(const struct tokens *tokens, struct span node, struct span token,
                   char out[DIGEST_TEXT_SIZE])
{
    struct digest_part parts[] = { { tokens->key, KEY_SIZE },
                                   { node.bytes, node.size },
                                   { token.bytes, token.size } };
    digest_print(parts, 3, out);
}

/* 1 or 0, without a branch on what is compared. */
static unsigned is_same(const char *a, const char *b)
{
    unsigned difference = 0;
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return (difference - 1) >> 31;
}

bool tokens_accept(const struct tokens *tokens, struct span dictionary)
{
    struct span token = dictionary_find(dictionary, DICTIONARY_TOKEN);
    char of_any[DIGEST_TEXT_SIZE], of_node[DIGEST_TEXT_SIZE];
    if (token.size == 0)
        return false;
    digest(tokens, (struct span){ "", 0 }, token, of_any);
    digest(tokens, dictionary_find(dictionary, DICTIONARY_NODE), token, of_node);
    unsigned found = 0;
    for (size_t i = 0; i < tokens->count; i++)
        found |= is_same(tokens->digests[i], of_any) | is_same(tokens->digests[i], of_node);
    return found != 0;
}

static struct span take_word(struct span *line)
{
    while (line->size > 0 && (line->bytes[0] == ' ' || line->bytes[0] == '\t'))
        line->bytes++, line->size--;
    struct span word = { line->bytes, 0 };
    while (line->size > 0 && line->bytes[0] != ' ' && line->bytes[0] != '\t')
        line->bytes++, line->size--, word.size++;
    return word;
}

static bool is_node_name(struct span word)
{
    static const char may_have[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    for (size_t i = 0; i < word.size; i++)
        if (!word.bytes[i] || !strchr(may_have, word.bytes[i]))
            return false;
    return word.size > 0 && word.size <= NODE_MAX;
}

static const char *flaw_of_token(struct span word)
{
    if (word.size < TOKEN_MIN || word.size > TOKEN_MAX)
        return "a token has 16 to 200 characters";
    for (size_t i = 0; i < word.size; i++)
        if (word.bytes[i] <= ' ' || word.bytes[i] > '~')
            return "a token has printable ASCII characters only";
    return NULL;
}

/* NULL, or what is wrong. */
static const char *add_line(struct tokens *tokens, struct span line)
{
    struct span node = { "", 0 }, token = take_word(&line), second = take_word(&line);
    if (token.size == 0 || token.bytes[0] == '#')
        return NULL;
    if (take_word(&line).size > 0)
        return "is neither TOKEN nor NODE TOKEN";
    if (second.size > 0) {
        node = token;
        token = second;
        if (!is_node_name(node))
            return "NODE is not the name of a Node";
    }
    if (tokens->count == TOKENS_MAX)
        return "is one token too many (16384 at most)";
    const char *flaw = flaw_of_token(token);
    if (flaw)
        return flaw;
    char text[DIGEST_TEXT_SIZE];
    digest(tokens, node, token, text);
    memcpy(tokens->digests[tokens->count++], text, DIGEST_SIZE);
    return NULL;
}

static size_t count_lines(struct span text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.bytes[i] == '\n';
    return count < TOKENS_MAX ? count : TOKENS_MAX;
}

struct tokens *tokens_parse(struct span text, size_t *line, const char **why)
{
    struct tokens *tokens =
        xcalloc(1, sizeof(*tokens) + count_lines(text) * sizeof(tokens->digests[0]));
    if (getrandom(tokens->key, KEY_SIZE, 0) != KEY_SIZE)
        abort();
    *why = NULL;
    for (*line = 1; text.size > 0 && !*why; ++*line) {
        const char *end = memchr(text.bytes, '\n', text.size);
        size_t size = end ? (size_t)(end - text.bytes) : text.size;
        *why = add_line(tokens, (struct span){ text.bytes, size });
        if (*why)
            break;
        size += end != NULL;
        text = (struct span){ text.bytes + size, text.size - size };
    }
    if (!*why && tokens->count == 0) {
        *line = 0;
        *why = "holds no token";
    }
    if (!*why)
        return tokens;
    tokens_free(tokens);
    return NULL;
}

void tokens_free(struct tokens *tokens)
{
    free(tokens);
}
