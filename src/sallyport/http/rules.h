// SPDX-License-Identifier: Apache-2.0
// All small rules of http in one include; each lives in its own file.
#pragma once

#include "sallyport/http/authorization.h"    // IWYU pragma: export
#include "sallyport/http/cookie.h"           // IWYU pragma: export
#include "sallyport/http/date.h"             // IWYU pragma: export
#include "sallyport/http/escape.h"           // IWYU pragma: export
#include "sallyport/http/fold.h"             // IWYU pragma: export
#include "sallyport/http/form.h"             // IWYU pragma: export
#include "sallyport/http/forwarded.h"        // IWYU pragma: export
#include "sallyport/http/host.h"             // IWYU pragma: export
#include "sallyport/http/list.h"             // IWYU pragma: export
#include "sallyport/http/origin.h"           // IWYU pragma: export
#include "sallyport/http/path_rule.h"        // IWYU pragma: export
#include "sallyport/http/refusal.h"          // IWYU pragma: export
#include "sallyport/http/return_path.h"      // IWYU pragma: export
#include "sallyport/http/sec_fetch.h"        // IWYU pragma: export
#include "sallyport/http/status.h"           // IWYU pragma: export
#include "sallyport/http/websocket.h"        // IWYU pragma: export
#include "sallyport/http/websocket_frame.h"  // IWYU pragma: export
