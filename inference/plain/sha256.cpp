// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/sha256.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace limn {

namespace {

struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

Context begin() {
    Context context(EVP_MD_CTX_new());
    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
    return context;
}

std::string finish(EVP_MD_CTX* context) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_DigestFinal_ex(context, digest, &length);
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        text += kDigits[digest[i] >> 4];
        text += kDigits[digest[i] & 15];
    }
    return text;
}

} // namespace

std::string sha256Hex(std::span<const unsigned char> bytes) {
    const Context context = begin();
    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
    return finish(context.get());
}

Result<std::string> sha256OfFile(const std::string& path) {
    struct Closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rb"));
    if (!file) {
        if (errno == ENOENT)
            return Error{ErrorCode::FileNotFound, {path}};
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    }
    const Context context = begin();
    std::vector<unsigned char> buffer(1 << 20);
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get()))
        EVP_DigestUpdate(context.get(), buffer.data(), count);
    if (std::ferror(file.get()))
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    return finish(context.get());
}

} // namespace limn
