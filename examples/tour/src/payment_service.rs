//! Takes the payments for concert tickets.

use abide_sdk::prelude::*;

use crate::concert_ticketing_service::PurchaseTicketRequest;

/// Charges credit cards, in a simulation.
pub struct PaymentService;

#[service]
impl PaymentService {
    /// Charges the price of a ticket, and returns a reference for the payment.
    async fn charge(ctx: &Context, req: PurchaseTicketRequest) -> HandlerResult<String> {
        let payment_id = ctx.rand_uuid();
        println!("Processing payment for ticket {} with payment ID {payment_id}", req.ticket_id);
        Ok(payment_id.to_string())
    }
}
