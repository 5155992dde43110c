# SPDX-License-Identifier: Apache-2.0
# Run by cmake -P: writes OUTPUT, a .cc that defines sallyport::web::<name> for each of FILES (a ;-list), as raw strings.
set(text "// Generated from web/. Do not edit.\n#include <string_view>\n\nnamespace sallyport::web {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${name} identifier)
  file(READ ${file} content)
  string(LENGTH "${content}" length)
  # A raw string literal may hold at most 64 KiB by the standard's recommendation; ours are far smaller.
  string(APPEND text "extern const std::string_view ${identifier};\nconst std::string_view ${identifier} = R\"web_file(${content})web_file\";\n")
endforeach()
string(APPEND text "}  // namespace sallyport::web\n")
file(WRITE ${OUTPUT} "${text}")
