//! Takes our markers off an impl that cannot be read.
//!
//! While somebody types, an impl is broken most of the time. Its own error is enough; a marker left on
//! a function would be a second one, about an attribute that nobody knows.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::model::Role;

/// The same tokens, without our markers in the outermost braces.
pub(crate) fn unmarked(item: TokenStream) -> TokenStream {
    let inside = |tree| {
        if let TokenTree::Group(group) = &tree
            && group.delimiter() == Delimiter::Brace
        {
            let mut bare = Group::new(Delimiter::Brace, members(group.stream()));
            bare.set_span(group.span());
            return bare.into();
        }
        tree
    };
    item.into_iter().map(inside).collect()
}

fn members(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for tree in tokens {
        let hash = |last: Option<&TokenTree>| matches!(last, Some(TokenTree::Punct(hash)) if hash.as_char() == '#');
        if is_marker(&tree) && hash(kept.last()) {
            kept.pop();
        } else {
            kept.push(tree);
        }
    }
    kept.into_iter().collect()
}

fn is_marker(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let names = group.stream().into_iter().take_while(|tree| !matches!(tree, TokenTree::Group(_)));
    let last = names.filter(|tree| matches!(tree, TokenTree::Ident(_))).last();
    let named = |role: Role| matches!(&last, Some(TokenTree::Ident(name)) if name == role.name());
    group.delimiter() == Delimiter::Bracket && Role::ALL.into_iter().any(named)
}
