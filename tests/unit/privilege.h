/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tests without a privilege, or without resources. */

/* Gives CAP_NET_ADMIN up for good, with which socket buffers may be of any size. */
void privilege_drop_net_admin(void);

/* From now on no descriptor can be opened; or a write to a file fails with EFBIG beyond
 * so many bytes. */
void privilege_limit_fds(void);
void privilege_limit_files(unsigned bytes);

/* Ends both limits. */
void privilege_unlimited(void);
